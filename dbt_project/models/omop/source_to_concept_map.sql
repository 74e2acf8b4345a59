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

own as (
    select
        code as source_code,
        cast(0 as integer) as source_concept_id,
        vocabulary_id as source_vocabulary_id,
        name as source_code_description,
        concept_id as target_concept_id,
        coalesce(target_vocabulary_id, 'None') as target_vocabulary_id,
        since as valid_start_date,
        cast('2099-12-31' as date) as valid_end_date,
        cast(null as varchar) as invalid_reason
    from {{ ref('int_site_code') }}
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

-- What a site says of its own codes goes before the map of the home, and this before the starter.
told as (
    select * from own
    union all by name
    select stated.*
    from stated
    anti join own
        on stated.source_vocabulary_id = own.source_vocabulary_id and stated.source_code = own.source_code
),

final as (
    select * from told
    union all by name
    select starter.*
    from starter
    anti join told
        on
            starter.source_vocabulary_id = told.source_vocabulary_id
            and starter.source_code = told.source_code
)

select * from final
