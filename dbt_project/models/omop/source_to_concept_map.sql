{{ config(materialized = 'table') }}

with

mapped as (
    select distinct
        system,
        code,
        concept_id
    from {{ ref('concept_map') }}
),

concepts as (
    select * from {{ ref('starter_concepts') }}
),

final as (
    select
        mapped.code as source_code,
        cast(0 as integer) as source_concept_id,
        {{ source_vocabulary_id('mapped.system') }} as source_vocabulary_id,
        cast(null as varchar) as source_code_description,
        cast(mapped.concept_id as integer) as target_concept_id,
        concepts.vocabulary_id as target_vocabulary_id,
        concepts.valid_start_date,
        concepts.valid_end_date,
        concepts.invalid_reason
    from mapped
    inner join concepts on mapped.concept_id = concepts.concept_id
)

select * from final
