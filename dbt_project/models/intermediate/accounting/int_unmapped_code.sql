{{ config(
    materialized = 'incremental', incremental_strategy = 'touched_persons', on_schema_change = 'fail',
) }}
{#- Rows of a table with a code, by conformed model: concept, table, system and code. -#}
{%- set coded = [
    ('int_condition', 'concept_id', 'omop_table', 'code_system', 'code'),
    ('int_procedure', 'concept_id', 'omop_table', 'code_system', 'code'),
    ('int_drug', 'concept_id', 'omop_table', 'code_system', 'code'),
    ('int_device', 'concept_id', 'omop_table', 'code_system', 'code'),
    ('int_measurement', 'concept_id', 'omop_table', 'code_system', 'code'),
    ('int_observation', 'concept_id', 'omop_table', 'code_system', 'code'),
    ('int_specimen', 'specimen_concept_id', "'specimen'", 'code_system', 'code'),
    ('int_visit', 'visit_concept_id', "'visit_occurrence'", 'class_system', 'class_code'),
    ('int_visit_detail', 'visit_detail_concept_id', "'visit_detail'", 'unit_system', 'unit_code'),
    ('int_measurement', 'unit_concept_id', "'unit'", "'UCUM'", 'unit_code'),
    ('int_observation', 'unit_concept_id', "'unit'", "'UCUM'", 'unit_code'),
] -%}

with

unmapped as (
    {%- for model, concept, domain, system, code in coded %}
        select
            person_id,
            site,
            {{ domain }} as domain,
            {{ system }} as code_system,
            {{ code }} as code
        from {{ ref(model) }}
        where {{ concept }} = 0 and {{ code }} is not null
        {{ 'union all by name' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        person_id,
        site,
        domain,
        code_system,
        code,
        count(*) as unmapped_rows
    from unmapped
    group by all
)

select * from final
