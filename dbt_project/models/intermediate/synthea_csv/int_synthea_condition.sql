with

conditions as (
    select * from {{ ref('stg_synthea_condition') }}
),

final as (
    select
        site,
        'synthea_condition' as lake_table,
        encounter_key as visit_key,
        patient_key as person_key,
        condition_key,
        case code_system when 'SNOMED-CT' then 'SNOMED' when 'ICD10' then 'ICD-10-CM' else code_system end
            as code_system,
        code,
        {{ midnight('site', 'started_on') }} as onset_at,
        {{ midnight('site', 'started_on') }} as known_from_at,
        {{ midnight('site', 'started_on') }} as occurred_at,
        {{ midnight('site', 'ended_on') }} as abated_at,
        'encounter-diagnosis' as category_code,
        cast(null as varchar) as verification_status,
        _arrived_at,
        cast(null as varchar) as left_out
    from conditions
)

select * from final
