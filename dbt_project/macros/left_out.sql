{#- Why a record gets no row in OMOP: the first reason whose condition holds, null for one that gets its row. -#}
{% macro left_out(reasons) -%}
    case
        {%- for reason, condition in reasons.items() %}
        when {{ condition }} then '{{ reason }}'
        {%- endfor %}
    end
{%- endmacro %}
