with

prescriptions as (
    select
        site,
        'synthea_medication' as lake_table,
        medication_key as drug_key,
        'prescription' as kind,
        encounter_key as visit_key,
        patient_key as person_key,
        'RxNorm' as code_system,
        code,
        started_at,
        ended_at,
        dispenses as refills,
        _arrived_at
    from {{ ref('stg_synthea_medication') }}
),

immunizations as (
    select
        site,
        'synthea_immunization' as lake_table,
        immunization_key as drug_key,
        encounter_key as visit_key,
        patient_key as person_key,
        'CVX' as code_system,
        code,
        given_at as started_at,
        given_at as ended_at,
        _arrived_at
    from {{ ref('stg_synthea_immunization') }}
),

drugs as (
    select * from prescriptions
    union all by name
    select * from immunizations
),

final as (
    select
        *,
        cast(null as varchar) as left_out,
        cast(null as varchar) as provider_key,
        cast(null as integer) as days_supply,
        cast(null as double) as quantity,
        cast(null as varchar) as route_code,
        cast(null as varchar) as dose_unit,
        cast(null as varchar) as lot_number,
        cast(null as varchar) as stop_reason
    from drugs
)

select * from final
