{{ config(materialized = 'view') }}

with

mounted as (
    {{ mounted('concept', {
        'concept_id': 'integer',
        'concept_name': 'varchar',
        'domain_id': 'varchar',
        'vocabulary_id': 'varchar',
        'concept_class_id': 'varchar',
        'standard_concept': 'varchar',
        'concept_code': 'varchar',
        'valid_start_date': 'date',
        'valid_end_date': 'date',
        'invalid_reason': 'varchar',
    }) }}
),

starter as (
    select * from {{ ref('starter_concepts') }}
),

final as (
    select * from mounted
    union all by name
    select starter.*
    from starter
    anti join mounted on starter.concept_id = mounted.concept_id
)

select * from final
