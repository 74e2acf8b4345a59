{#- The tables of OMOP that events are sorted into by their concepts. -#}
{% macro event_tables() -%}
    {{ return([
        'condition_occurrence', 'procedure_occurrence', 'drug_exposure', 'device_exposure', 'measurement', 'observation',
    ]) }}
{%- endmacro %}

{#- Rows of events that are in OMOP, whatever table their concepts sort them into: `omop_table` and `row_id`. -#}
{% macro placed_events() -%}
    {%- for table in event_tables() %}
    select
        '{{ table }}' as omop_table,
        {{ table }}_id as row_id
    from {{ ref(table) }}
    where {{ is_touched() }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
