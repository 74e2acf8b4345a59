with

-- A survey stands for many hospitals and gives no date: its visits fill no bed of anybody's.
visits as (
    select * from {{ ref('int_visit') }}
    where coalesce(feed, '') != 'nhamcs_ed' and coalesce(status, '') not in ('cancelled', 'planned')
),

levels as (
    select
        visit_occurrence_id,
        cast(arg_max(value_number, effective_at) as integer) as triage_level,
        max(_arrived_at) as _arrived_at
    from {{ ref('int_triage_reading') }}
    where feature = 'triage_level' and value_number between 1 and 5
    group by visit_occurrence_id
),

details as (
    select
        details.visit_detail_id,
        details.visit_occurrence_id,
        details.person_id,
        details.site,
        details.visit_key,
        details.unit,
        details.unit_code as unit_place,
        details.started_at,
        details.position,
        coalesce(details.ended_at, visits.ended_at, if(visits.is_ended, visits._arrived_at, null))
            as ended_at,
        levels.triage_level,
        greatest(details._arrived_at, visits._arrived_at, levels._arrived_at) as known_at,
        lag(details.unit) over (
            partition by details.visit_occurrence_id order by details.started_at, details.position
        ) as unit_before
    from {{ ref('int_visit_detail') }} as details
    inner join visits on details.visit_occurrence_id = visits.visit_occurrence_id
    left join levels on details.visit_occurrence_id = levels.visit_occurrence_id
    where details.unit is not null and details.started_at is not null
),

-- Another bed of the same unit is no transfer: its stays are one.
numbered as (
    select
        *,
        sum(cast(unit_before is distinct from unit as integer)) over (
            partition by visit_occurrence_id order by started_at, position rows unbounded preceding
        ) as nth
    from details
),

stays as (
    select
        visit_occurrence_id,
        nth,
        arg_min(visit_detail_id, (started_at, position)) as visit_detail_id,
        any_value(person_id) as person_id,
        any_value(site) as site,
        any_value(visit_key) as visit_key,
        any_value(unit) as unit,
        any_value(unit_place) as unit_place,
        any_value(triage_level) as triage_level,
        min(started_at) as entered_at,
        case when count(*) = count(ended_at) then max(ended_at) end as ended_at,
        max(known_at) as known_at
    from numbered
    group by visit_occurrence_id, nth
),

-- Nobody is in two places: a stay ends when the next one begins.
placed as (
    select
        *,
        coalesce(lead(entered_at) over by_visit, ended_at) as left_at,
        row_number() over by_visit = 1 as is_first,
        lead(entered_at) over by_visit is null as is_last
    from stays
    window by_visit as (partition by visit_occurrence_id order by nth)
),

final as (
    select
        visit_detail_id,
        visit_occurrence_id,
        person_id,
        site,
        visit_key,
        unit,
        unit_place,
        entered_at,
        case when left_at is not null then greatest(left_at, entered_at) end as left_at,
        is_first,
        is_last,
        triage_level,
        known_at
    from placed
)

select * from final
