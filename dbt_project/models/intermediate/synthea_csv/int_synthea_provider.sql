with

clinicians as (
    select * from {{ ref('stg_synthea_provider') }}
),

final as (
    select
        site,
        practitioner_key as provider_key,
        case gender_code when 'F' then 'female' when 'M' then 'male' end as gender_code,
        'Synthea' as specialty_system,
        specialty_code,
        organization_key as care_site_key,
        _arrived_at
    from clinicians
)

select * from final
