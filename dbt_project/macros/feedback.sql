{#- How long a card of a use case waits for an answer before it counts as ignored; 12 hours where nothing is said. -#}
{% macro feedback_window(use_case) -%}
    {%- set windows = var('feedback_windows') -%}
    case
        {%- for name, hours in (windows if windows is mapping else {}).items() %}
        when {{ use_case }} = '{{ name }}' then interval {{ hours }} hour
        {%- endfor %}
        when true then interval 12 hour
    end
{%- endmacro %}
