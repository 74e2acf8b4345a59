with

instances as (
    select * from {{ ref('stg_dicom_instance') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

final as (
    select
        links.site,
        links.person_key,
        min(instances.birth_date) as birth_date,
        'DICOM sex' as gender_system,
        min(instances.patient_sex) as gender_code,
        false as is_placeholder,
        false as is_birth_date_surrogate,
        max(instances._arrived_at) as _arrived_at
    from instances
    inner join links on instances.site = links.site and instances.mrn_key = links.reference_key
    group by links.site, links.person_key
)

select * from final
