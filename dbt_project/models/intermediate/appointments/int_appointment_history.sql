with

appointments as (
    select
        *,
        case
            when status in ('checked_in', 'arrived', 'fulfilled') then 'kept'
            when status = 'no_show' then 'missed'
            when status in ('cancelled', 'rescheduled') then 'given_back'
        end as outcome
    from {{ ref('int_appointment') }}
),

-- Only what had been decided when the appointment was booked: a state that came later is not known yet.
earlier as (
    select
        booked.appointment_id,
        known.outcome,
        case when known.outcome in ('kept', 'missed') then known.outcome = 'missed' end as is_missed,
        known.starts_at,
        known._arrived_at
    from appointments as booked
    inner join appointments as known
        on
            booked.person_id = known.person_id
            and booked.appointment_id != known.appointment_id
            and booked.booked_at >= known.status_at
    where known.outcome is not null
),

final as (
    select
        appointment_id,
        count(*) filter (where outcome = 'kept') as earlier_kept,
        count(*) filter (where outcome = 'missed') as earlier_no_shows,
        count(*) filter (where outcome = 'given_back') as earlier_cancelled,
        arg_max(is_missed, (starts_at, is_missed)) filter (where is_missed is not null) as missed_last,
        max(_arrived_at) as _arrived_at
    from earlier
    group by appointment_id
)

select * from final
