{%- set values = [
    'value_number', 'value_comparator', 'value_text', 'value_code', 'value_concept_id', 'unit_code', 'unit_concept_id',
] -%}
{%- set answer = 'answer_concept_id as value_concept_id' -%}
{#- Per kind: the table it is at home in, its start, its end, and what a row elsewhere keeps of it. -#}
{%- set kinds = {
    'condition': ('condition_occurrence', 'occurred_at', 'abated_at', [answer]),
    'procedure': ('procedure_occurrence', 'started_at', 'ended_at', ['provider_key', answer]),
    'drug': ('drug_exposure', 'started_at', 'ended_at', ['provider_key', answer]),
    'device': ('device_exposure', 'started_at', 'ended_at', ['provider_key', answer]),
    'measurement': ('measurement', 'occurred_at', 'null', values),
    'observation': ('observation', 'occurred_at', 'null', values + ['provider_key', 'qualifier']),
} -%}

with

final as (
    {%- for kind, (home, first, last, kept) in kinds.items() %}
        select
            omop_table,
            row_id,
            site,
            feed,
            person_id,
            visit_occurrence_id,
            type_concept_id,
            concept_id,
            source_concept_id,
            {{ first }} as occurred_at,
            {{ first }} as started_at,
            cast({{ last }} as timestamptz) as ended_at,
            cast({{ last }} as timestamptz) as abated_at,
            {%- for column in kept %}
                {{ column }},
            {%- endfor %}
            code
        from {{ ref('int_' ~ kind) }}
        where omop_table != '{{ home }}'
        {{ 'union all by name' if not loop.last }}
    {%- endfor %}
)

select * from final
