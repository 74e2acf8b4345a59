with

units as (
    select * from {{ ref('stg_fhir_location') }}
),

organizations as (
    select * from {{ ref('stg_fhir_organization') }}
),

places as (
    select
        site,
        location_key as care_site_key,
        identifier_key,
        'unit' as kind,
        type_code as place_code,
        alias_code as unit
    from units
    union all by name
    select
        site,
        organization_key as care_site_key,
        identifier_key,
        'organization' as kind,
        type_code as place_code
    from organizations
),

final as (
    select
        *,
        care_site_key as reference_key,
        1 as precedence
    from places
    union all by name
    select
        *,
        identifier_key as reference_key,
        2 as precedence
    from places
    where identifier_key is not null
    qualify row_number() over (partition by site, reference_key order by precedence, care_site_key) = 1
)

select * from final
