with

observations as (
    select * from {{ ref('stg_synthea_observation') }}
),

valued as (
    select
        *,
        case when type_code = 'numeric' then try_cast(value_text as double) end as value_number
    from observations
),

final as (
    select
        valued.site,
        'synthea_observation' as lake_table,
        valued.observation_key as event_key,
        valued.encounter_key as visit_key,
        valued.patient_key as person_key,
        -- The years of life that Synthea works out (QALY, DALY, QOLS) are codes of its own.
        if(regexp_full_match(valued.code, '[0-9]+-[0-9]'), 'LOINC', 'Synthea') as code_system,
        valued.code,
        valued.category_code as qualifier,
        valued.value_number,
        case when valued.value_number is null then valued.value_text end as value_text,
        case when valued.value_number is null then valued.value_text end as value_source,
        valued.unit_code,
        valued.observed_at as effective_at,
        valued.observed_at as occurred_at,
        coalesce(
            case domains.domain_id when 'Measurement' then true when 'Observation' then false end,
            valued.value_number is not null and coalesce(valued.category_code, '') != 'survey'
        ) as is_measurement,
        valued._arrived_at
    from valued
    {{ join_concept(
        'domains', "if(regexp_full_match(valued.code, '[0-9]+-[0-9]'), 'LOINC', 'Synthea')", 'valued.code', 'valued.site'
    ) }}
)

select * from final
