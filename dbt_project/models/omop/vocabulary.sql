{{ config(materialized = 'view') }}

with

final as (
    {{ mounted('vocabulary', {
        'vocabulary_id': 'varchar',
        'vocabulary_name': 'varchar',
        'vocabulary_reference': 'varchar',
        'vocabulary_version': 'varchar',
        'vocabulary_concept_id': 'integer',
    }) }}
)

select * from final
