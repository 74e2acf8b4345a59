{{ config(materialized='table') }}

with

-- One that is told after its start books nothing: it corrects what was.
versions as (
    select
        *,
        last_value(starts_at ignore nulls) over so_far as slot_at,
        last_value(service ignore nulls) over so_far as slot_service
    from {{ ref('int_appointment_version') }}
    where {{ is_touched_record() }}
    window
        so_far as (
            partition by site, feed, appointment_key
            order by told_at, _arrived_at, _line, _file
            rows between unbounded preceding and current row
        )
    qualify told_at < slot_at
),

changes as (
    select
        *,
        (
            slot_at != lag(slot_at) over in_order
            or slot_service != lag(slot_service) over in_order
        ) is true as is_moved
    from versions
    window in_order as (partition by site, feed, appointment_key order by told_at, _arrived_at, _line, _file)
),

final as (
    select
        site,
        feed,
        appointment_key,
        max(told_at) filter (where is_moved) as moved_at
    from changes
    group by site, feed, appointment_key
)

select * from final
where moved_at is not null
