{%- set domains = {
    'condition_occurrence': 'condition_concept_id', 'measurement': 'measurement_concept_id',
    'observation': 'observation_concept_id', 'visit_occurrence': 'visit_concept_id',
    'visit_detail': 'visit_detail_concept_id', 'procedure_occurrence': 'procedure_concept_id',
    'drug_exposure': 'drug_concept_id', 'device_exposure': 'device_concept_id',
    'specimen': 'specimen_concept_id', 'provider': 'specialty_concept_id',
    'payer_plan_period': 'payer_concept_id', 'cost': 'currency_concept_id',
} -%}

with

rows_by_domain as (
    {%- for domain, concept in domains.items() %}
        select
            '{{ domain }}' as domain,
            {{ concept }} as concept_id
        from {{ ref(domain) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        domain,
        count(*) as all_rows,
        count(*) filter (where concept_id != 0) as mapped_rows,
        count(*) filter (where concept_id != 0) / count(*) as coverage
    from rows_by_domain
    group by domain
)

select * from final
