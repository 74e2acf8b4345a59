with

encounters as (
    select * from {{ ref('stg_fhir_encounter') }}
),

places as (
    select * from {{ ref('int_fhir_place') }}
),

stays as (
    select
        site,
        encounter_key as visit_key,
        started_at as visit_started_at,
        ended_at as visit_ended_at,
        unnest(locations) as stay,
        generate_subscripts(locations, 1) as position,
        _arrived_at
    from encounters
),

final as (
    select
        stays.site,
        stays.visit_key,
        {{ natural_key(['stay.location_key', time_in_key('stays.site', 'stay.started_at')]) }} as detail_key,
        stays.position,
        coalesce(places.care_site_key, stays.stay.location_key) as care_site_key,
        places.unit,
        'v3-RoleCode' as unit_system,
        places.place_code as unit_code,
        coalesce(stays.stay.started_at, stays.visit_started_at) as started_at,
        coalesce(stays.stay.ended_at, stays.visit_ended_at) as ended_at,
        stays._arrived_at
    from stays
    left join places on stays.site = places.site and stays.stay.location_key = places.reference_key
    qualify row_number() over (
        partition by stays.site, stays.visit_key, stays.stay.location_key, stays.stay.started_at
        order by stays.position
    ) = 1
)

select * from final
