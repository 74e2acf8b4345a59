with

appointments as (
    select * from {{ ref('stg_clinic_appointment') }}
),

moves as (
    select * from {{ ref('int_appointment_moved') }}
    where feed = 'appointments'
),

-- One that was moved under its own number is on the books with its present start since then.
final as (
    select
        {{ hash63(['told.site', 'told.appointment_key']) }} as booking_id,
        {{ person_id('told.site', 'told.mrn_key') }} as person_id,
        told.site,
        told.clinic_code,
        told.starts_at,
        greatest(coalesce(told.booked_at, told._arrived_at), moves.moved_at) as booked_at,
        if(
            told.status in ('cancelled', 'rescheduled'), coalesce(told.updated_at, told._arrived_at), null
        ) as withdrawn_at,
        told._arrived_at as known_at
    from appointments as told
    left join moves on told.site = moves.site and told.appointment_key = moves.appointment_key
    where
        told.starts_at is not null
        and told.clinic_code is not null
        and told.status is distinct from 'proposed'
)

select * from final
