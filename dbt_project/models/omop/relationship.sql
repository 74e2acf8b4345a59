{{ config(materialized = 'view') }}

with

final as (
    {{ mounted('relationship', {
        'relationship_id': 'varchar',
        'relationship_name': 'varchar',
        'is_hierarchical': 'varchar',
        'defines_ancestry': 'varchar',
        'reverse_relationship_id': 'varchar',
        'relationship_concept_id': 'integer',
    }) }}
)

select * from final
