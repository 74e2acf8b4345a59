with

states as (
    select * from {{ ref('int_appointment_state') }}
),

-- An appointment may come from several feeds under several numbers; nobody is at two places at once.
ranked as (
    select
        *,
        precedence = min(precedence) over same_slot as is_of_best_feed,
        arg_max(status, (status_at, -precedence)) over same_slot as slot_status,
        max(status_at) over same_slot as slot_status_at,
        max(_arrived_at) over same_slot as slot_arrived_at,
        min(booked_at) over same_slot as slot_booked_at,
        max(moved_at) over same_slot as slot_moved_at,
        row_number() over (
            partition by site, person_key, starts_at, feed order by status_at desc, appointment_key asc
        ) = 1 as is_latest_of_feed
    from states
    window same_slot as (partition by site, person_key, starts_at)
),

final as (
    select
        {{ hash63(["'appointment'", 'site', 'appointment_key']) }} as appointment_id,
        {{ person_id('site', 'person_key') }} as person_id,
        site,
        feed,
        appointment_key,
        person_key,
        service,
        starts_at,
        ends_at,
        greatest(coalesce(booked_at, slot_booked_at), slot_moved_at) as booked_at,
        case when is_latest_of_feed then slot_status else status end as status,
        case when is_latest_of_feed then slot_status_at else status_at end as status_at,
        case when is_latest_of_feed then slot_arrived_at else _arrived_at end as _arrived_at
    from ranked
    where is_of_best_feed
)

select * from final
