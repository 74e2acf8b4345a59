{#- Disposition (PV1-36, table 0112) as most senders fill it: by the codes of the billing committee. -#}
{%- set died = "('20', '40', '41', '42')" -%}

with

events as (
    select * from {{ ref('int_hl7_live_event') }}
),

live as (
    select *
    from events
    where not is_undone and not is_undoing
),

-- Someone was there: an event that is more than a plan, an update or what was taken back.
present as (
    select
        events.site,
        events.visit_key,
        coalesce(bool_or(
            not events.is_undone and not events.is_undoing
            and events.kind in ('begin', 'move', 'end', 'class', 'absence')
        ), false) as is_present,
        coalesce(bool_or(events.event_code in ('A11', 'A23')), false) as is_cancelled,
        coalesce(bool_or(events.kind = 'plan'), false) as is_planned,
        max(events.position) filter (where events.event_code = 'A13') as reopened_at,
        max(events._arrived_at) as _arrived_at
    from events
    group by events.site, events.visit_key
),

firsts as (
    select
        site,
        visit_key,
        class_code as first_class
    from live
    where class_code is not null
    qualify row_number() over (partition by site, visit_key order by happened_at, position) = 1
),

folded as (
    select
        live.site,
        live.visit_key,
        arg_max(live.person_key, live.position) filter (where live.person_key is not null) as person_key,
        any_value(firsts.first_class) as first_class,
        arg_max(live.class_code, live.position) filter (where live.class_code is not null) as last_class,
        -- The admission as last stated while the patient was of the class that the visit began with.
        coalesce(
            arg_max(live.admitted_at, live.position)
            filter (where live.admitted_at is not null and live.class_code = firsts.first_class),
            min(live.happened_at) filter (where live.kind in ('begin', 'move', 'end', 'class', 'absence')),
            min(live.happened_at)
        ) as started_at,
        coalesce(
            arg_max(live.discharged_at, live.position) filter (where live.discharged_at is not null and (
                present.reopened_at is null or live.position > present.reopened_at
            )),
            arg_max(live.happened_at, live.position) filter (where live.kind = 'end')
        ) as ended_at,
        coalesce(bool_or(live.kind = 'end'), false) as is_discharged,
        arg_max(live.disposition_code, live.position) filter (where live.disposition_code is not null and (
            present.reopened_at is null or live.position > present.reopened_at
        )) as disposition_code,
        arg_max(live.admit_source_code, live.position) filter (where live.admit_source_code is not null)
            as admit_source_code,
        arg_max(live.readmission_code, live.position) filter (where live.readmission_code is not null)
            as readmission_code
    from live
    inner join present on live.site = present.site and live.visit_key = present.visit_key
    left join firsts on live.site = firsts.site and live.visit_key = firsts.visit_key
    group by live.site, live.visit_key
),

final as (
    select
        present.site,
        'hl7v2' as feed,
        present.visit_key,
        folded.person_key,
        'HL7 0004' as class_system,
        folded.last_class as class_code,
        case when folded.ended_at is null then 'in-progress' else 'finished' end as status,
        folded.started_at,
        -- A stay cannot end before it begins; such an end says nothing.
        case when folded.ended_at >= folded.started_at then folded.ended_at end as ended_at,
        true as has_arrival_time,
        folded.is_discharged
        or folded.ended_at is not null
        or coalesce(folded.last_class = 'O', false) as is_ended,
        coalesce(folded.first_class = 'E', false) as starts_in_emergency,
        coalesce(folded.last_class = 'I', false) as is_admitted,
        coalesce(folded.disposition_code in {{ died }}, false) as is_dead,
        false as is_dead_on_arrival,
        coalesce(folded.disposition_code = '07', false) as has_left_early,
        coalesce(folded.disposition_code in ('02', '05', '43', '65', '66'), false)
        and not coalesce(folded.last_class = 'I', false) as is_transferred,
        true as is_unit_known,
        false as is_survival_known,
        false as is_history_known,
        coalesce(folded.readmission_code = 'R', false) as seen_72h,
        'HL7 0112' as discharged_to_system,
        folded.disposition_code as discharged_to_code,
        folded.admit_source_code as admitted_from_code,
        present._arrived_at,
        {{ left_out({
            'cancelled': 'not present.is_present and present.is_cancelled',
            'planned only': 'not present.is_present and present.is_planned',
            'no person': 'folded.person_key is null',
        }) }} as left_out
    from present
    left join folded on present.site = folded.site and present.visit_key = folded.visit_key
)

select * from final
