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

{#-
    The tables of events that a group of rows names, in words and in the order of the alphabet. As bits: gathering texts
    for every record was most of the work of saying where a million of them lie.
-#}
{% macro tables_in_words(omop_table) -%}
    {%- set tables = event_tables() | sort -%}
    concat_ws(
        ' and ',
        {%- for table in tables %}
        if(bit_or(case {{ omop_table }}{% for one in tables %} when '{{ one }}' then {{ 2 ** loop.index0 }}{% endfor %} end) & {{ 2 ** loop.index0 }} > 0, '{{ table }}', null){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
