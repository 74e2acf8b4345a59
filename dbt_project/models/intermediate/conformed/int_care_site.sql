with

places as (
    select distinct
        site,
        care_site_key,
        kind,
        place_code,
        unit
    from {{ ref('int_fhir_place') }}
    union all by name
    select
        site,
        organization_key as care_site_key,
        'organization' as kind
    from {{ ref('stg_synthea_organization') }}
),

surveyed as (
    select distinct
        site,
        care_site_key
    from {{ ref('int_person_care_site') }}
    where is_hospital
),

mentioned as (
    select distinct
        site,
        care_site_key
    from {{ ref('int_person_care_site') }}
    where not is_hospital
),

-- Units that only messages name.
wards as (
    select
        mentioned.site,
        mentioned.care_site_key,
        'unit' as kind,
        min(mentioned.place_code) as place_code,
        min(mentioned.unit) as unit
    from {{ ref('int_person_care_site') }} as mentioned
    anti join places on mentioned.site = places.site and mentioned.care_site_key = places.care_site_key
    where mentioned.unit is not null
    group by mentioned.site, mentioned.care_site_key
),

known as (
    select * from places
    union all by name
    select * from wards
    union all by name
    select
        *,
        'hospital' as kind
    from surveyed
),

unknown as (
    select
        mentioned.*,
        'unknown' as kind
    from mentioned
    anti join known on mentioned.site = known.site and mentioned.care_site_key = known.care_site_key
),

final as (
    select
        {{ care_site_id('sites.site', 'sites.care_site_key') }} as care_site_id,
        {{ location_id('sites.site') }} as location_id,
        sites.*,
        coalesce({{ concept_in('concepts', 'Visit') }}, 0) as place_of_service_concept_id
    from (
        select * from known
        union all by name
        select * from unknown
    ) as sites
    {{ join_concept('concepts', "'v3-RoleCode'", 'sites.place_code') }}
)

select * from final
