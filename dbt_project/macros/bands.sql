{% macro race_of(concept) -%}
    case {{ concept }}
        when 8527 then 'white' when 8516 then 'black' when 8515 then 'asian'
        when 8657 then 'american indian or alaska native' when 8557 then 'pacific islander'
    end
{%- endmacro %}

{% macro age_band_of(years) -%}
    case
        when {{ years }} < 18 then '0-17'
        when {{ years }} < 35 then '18-34'
        when {{ years }} < 50 then '35-49'
        when {{ years }} < 65 then '50-64'
        when {{ years }} < 80 then '65-79'
        when {{ years }} is not null then '80+'
    end
{%- endmacro %}
