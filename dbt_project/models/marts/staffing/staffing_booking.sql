with

appointments as (
    select * from {{ ref('stg_clinic_appointment') }}
),

final as (
    select
        {{ hash63(['site', 'appointment_key']) }} as booking_id,
        {{ person_id('site', 'mrn_key') }} as person_id,
        site,
        clinic_code,
        starts_at,
        coalesce(booked_at, _arrived_at) as booked_at,
        if(status in ('cancelled', 'rescheduled'), coalesce(updated_at, _arrived_at), null) as withdrawn_at,
        _arrived_at as known_at
    from appointments
    where starts_at is not null and clinic_code is not null and status is distinct from 'proposed'
)

select * from final
