with

patients as (
    select * from {{ ref('stg_synthea_patient') }}
    where death_date is not null
),

final as (
    select
        site,
        patient_key as person_key,
        {{ midnight('site', 'death_date') }} as died_at,
        false as has_death_time,
        _arrived_at
    from patients
)

select * from final
