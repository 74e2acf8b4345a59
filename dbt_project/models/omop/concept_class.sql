{{ config(materialized = 'view') }}

with

final as (
    {{ mounted('concept_class', {
        'concept_class_id': 'varchar',
        'concept_class_name': 'varchar',
        'concept_class_concept_id': 'integer',
    }) }}
)

select * from final
