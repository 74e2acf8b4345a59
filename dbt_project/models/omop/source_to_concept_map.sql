{{ config(materialized = 'incremental', incremental_strategy = 'kept') }}

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

stated as (
    {{ mounted('source_to_concept_map', {
        'source_code': 'varchar',
        'source_concept_id': 'integer',
        'source_vocabulary_id': 'varchar',
        'source_code_description': 'varchar',
        'target_concept_id': 'integer',
        'target_vocabulary_id': 'varchar',
        'valid_start_date': 'date',
        'valid_end_date': 'date',
        'invalid_reason': 'varchar',
    }) }}
),

starter as (
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
),

-- What a site says itself goes before the starter.
final as (
    select * from stated
    union all by name
    select starter.*
    from starter
    anti join stated
        on
            starter.source_vocabulary_id = stated.source_vocabulary_id
            and starter.source_code = stated.source_code
)

select * from final
