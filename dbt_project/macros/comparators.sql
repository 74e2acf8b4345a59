{#-
    Numbers that are only bounds (decision record 0058). After staging a `value_comparator` is one of <, <=, >= and >, and
    null where the number beside it is the value itself.
-#}
{% macro comparators() -%} ('<', '<=', '>=', '>') {%- endmacro %}

{#- OMOP's concept of a comparator ("Meas Value Operator"); null beside an exact number, as CDM v5.4 asks. -#}
{% macro operator_concept_id(comparator, number) -%}
    cast(
        case
            when {{ number }} is null then null
            when {{ comparator }} = '<' then 4171756
            when {{ comparator }} = '<=' then 4171754
            when {{ comparator }} = '>=' then 4171755
            when {{ comparator }} = '>' then 4172704
        end as integer
    )
{%- endmacro %}

{#- A number as it was said: with what stands before it; null without a number. -#}
{% macro said_number(comparator, number) -%}
    coalesce({{ comparator }}, '') || cast({{ number }} as varchar)
{%- endmacro %}
