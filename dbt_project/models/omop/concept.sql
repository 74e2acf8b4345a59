{{ config(materialized = 'table') }}

with

starter as (
    select * from {{ ref('starter_concepts') }}
),

final as (
    select
        cast(concept_id as integer) as concept_id,
        concept_name,
        domain_id,
        vocabulary_id,
        concept_class_id,
        standard_concept,
        concept_code,
        valid_start_date,
        valid_end_date,
        invalid_reason
    from starter
)

select * from final
