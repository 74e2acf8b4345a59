{{ config(materialized = 'view') }}

with

final as (
    {{ mounted('domain', {
        'domain_id': 'varchar',
        'domain_name': 'varchar',
        'domain_concept_id': 'integer',
    }) }}
)

select * from final
