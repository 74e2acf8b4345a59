{{ config(materialized = 'view') }}

with

final as (
    {{ mounted('drug_strength', {
        'drug_concept_id': 'integer',
        'ingredient_concept_id': 'integer',
        'amount_value': 'double',
        'amount_unit_concept_id': 'integer',
        'numerator_value': 'double',
        'numerator_unit_concept_id': 'integer',
        'denominator_value': 'double',
        'denominator_unit_concept_id': 'integer',
        'box_size': 'integer',
        'valid_start_date': 'date',
        'valid_end_date': 'date',
        'invalid_reason': 'varchar',
    }) }}
)

select * from final
