with

events as (
    select * from {{ ref('int_hl7_live_event') }}
),

visits as (
    select * from {{ ref('int_hl7_visit') }}
    where left_out is null
),

places as (
    select
        site,
        unit,
        min(care_site_key) as care_site_key,
        min(place_code) as place_code
    from {{ ref('int_fhir_place') }}
    where unit is not null
    group by site, unit
),

located as (
    select
        events.site,
        events.visit_key,
        events.unit_code,
        greatest(events.happened_at, visits.started_at) as entered_at,
        events.position,
        events._arrived_at
    from events
    inner join visits on events.site = visits.site and events.visit_key = visits.visit_key
    where
        not events.is_undone and not events.is_undoing
        and events.kind in ('begin', 'move', 'class')
        and events.unit_code is not null
),

changes as (
    select
        *,
        lag(unit_code) over (partition by site, visit_key order by entered_at, position) as unit_before
    from located
),

stays as (
    select
        *,
        row_number() over (partition by site, visit_key order by entered_at, position) as nth
    from changes
    where unit_before is distinct from unit_code
),

final as (
    select
        stays.site,
        stays.visit_key,
        {{ natural_key(["'hl7v2'", 'stays.unit_code', 'stays.nth']) }} as detail_key,
        stays.nth as position,
        coalesce(places.care_site_key, {{ natural_key(["'hl7v2'", 'stays.unit_code']) }}) as care_site_key,
        stays.unit_code as unit,
        'v3-RoleCode' as unit_system,
        coalesce(places.place_code, {{ unit_place('stays.site', 'stays.unit_code') }}) as unit_code,
        case when stays.nth = 1 then visits.started_at else stays.entered_at end as started_at,
        coalesce(
            lead(stays.entered_at) over (partition by stays.site, stays.visit_key order by stays.nth),
            greatest(visits.ended_at, stays.entered_at)
        ) as ended_at,
        stays._arrived_at
    from stays
    inner join visits on stays.site = visits.site and stays.visit_key = visits.visit_key
    left join places on stays.site = places.site and stays.unit_code = places.unit
)

select * from final
