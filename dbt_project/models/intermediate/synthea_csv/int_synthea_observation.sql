with

allergies as (
    select * from {{ ref('stg_synthea_allergy') }}
),

final as (
    select
        site,
        'synthea_allergy' as lake_table,
        encounter_key as visit_key,
        patient_key as person_key,
        allergy_key as event_key,
        -- Synthea writes Unknown for SNOMED CT and RxNorm names its own.
        if(code_system = 'RxNorm', 'RxNorm', 'SNOMED') as code_system,
        code,
        category_code as qualifier,
        cast(null as double) as value_number,
        cast(null as varchar) as value_text,
        reaction_code as value_code,
        {{ midnight('site', 'started_on') }} as effective_at,
        {{ midnight('site', 'started_on') }} as occurred_at,
        _arrived_at,
        cast(null as varchar) as left_out
    from allergies
)

select * from final
