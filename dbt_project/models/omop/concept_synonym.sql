{{ config(materialized = 'view') }}

with

final as (
    {{ mounted('concept_synonym', {
        'concept_id': 'integer',
        'concept_synonym_name': 'varchar',
        'language_concept_id': 'integer',
    }) }}
)

select * from final
