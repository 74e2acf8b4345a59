with

procedures as (
    select * from {{ ref('stg_synthea_procedure') }}
),

final as (
    select
        site,
        'synthea_procedure' as lake_table,
        encounter_key as visit_key,
        patient_key as person_key,
        procedure_key,
        'SNOMED' as code_system,
        code,
        started_at,
        ended_at,
        cast(null as varchar) as provider_key,
        _arrived_at,
        cast(null as varchar) as left_out
    from procedures
)

select * from final
