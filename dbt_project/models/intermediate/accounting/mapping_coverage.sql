{%- set domains = {
    'condition_occurrence': 'condition_concept_id', 'measurement': 'measurement_concept_id',
    'observation': 'observation_concept_id', 'visit_occurrence': 'visit_concept_id',
    'visit_detail': 'visit_detail_concept_id', 'procedure_occurrence': 'procedure_concept_id',
    'drug_exposure': 'drug_concept_id', 'device_exposure': 'device_concept_id',
    'specimen': 'specimen_concept_id',
    'payer_plan_period': 'payer_concept_id', 'cost': 'currency_concept_id',
} -%}

with

persons as (
    select
        person_id,
        site
    from {{ ref('int_person_state') }}
),

rows_by_domain as (
    {%- for domain, concept in domains.items() %}
        select
            '{{ domain }}' as domain,
            {{ concept }} as concept_id,
            person_id
        from {{ ref('int_cost' if domain == 'cost' else domain) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

rows_by_site as (
    select
        persons.site,
        rows_by_domain.domain,
        rows_by_domain.concept_id
    from rows_by_domain
    inner join persons on rows_by_domain.person_id = persons.person_id
    union all
    select
        site,
        'provider' as domain,
        specialty_concept_id as concept_id
    from {{ ref('int_provider') }}
),

final as (
    select
        site,
        domain,
        count(*) as all_rows,
        count(*) filter (where concept_id != 0) as mapped_rows,
        count(*) filter (where concept_id != 0) / count(*) as coverage
    from rows_by_site
    group by site, domain
)

select * from final
