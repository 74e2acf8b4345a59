with

places as (
    select distinct
        site,
        care_site_key,
        kind,
        place_code,
        unit
    from {{ ref('int_fhir_place') }}
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

known as (
    select * from places
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

concepts as (
    select * from {{ ref('concept_map') }}
    where domain = 'visit_detail' and system = 'v3-RoleCode'
),

final as (
    select
        {{ care_site_id('sites.site', 'sites.care_site_key') }} as care_site_id,
        {{ location_id('sites.site') }} as location_id,
        sites.*,
        coalesce(concepts.concept_id, 0) as place_of_service_concept_id
    from (
        select * from known
        union all by name
        select * from unknown
    ) as sites
    left join concepts on sites.place_code = concepts.code
)

select * from final
