{#- A timestamptz as OMOP's datetime: without zone, in UTC. -#}
{% macro utc(column) -%}
    timezone('UTC', {{ column }})
{%- endmacro %}

{#- The wall clock at the site, for hour and weekday of arrival; UTC where the site names no zone. -#}
{% macro local_time(site, column) -%}
    {%- set zones = var('timezones') -%}
    timezone(
        case
            {%- for name, zone in (zones if zones is mapping else {}).items() %}
            when {{ site }} = '{{ name }}' then '{{ zone }}'
            {%- endfor %}
            when {{ site }} is not null then 'UTC'
        end,
        {{ column }}
    )
{%- endmacro %}

{#- The same, of what a feed tells: the survey's clock is the wall's already. -#}
{% macro wall_clock(feed, site, column) -%}
    case {{ feed }}
        when 'nhamcs_ed' then {{ utc(column) }}
        else {{ local_time(site, column) }}
    end
{%- endmacro %}

{#-
    NHAMCS publishes month and weekday of a visit (1 = Sunday), not its date. The surrogate is a date of that month
    with that weekday; which of its four or five weeks is decided by the hash of the visit's key. Never a feature.
-#}
{% macro surrogate_date(year, month, weekday, key) -%}
    {%- set first = 'make_date(' ~ year ~ ', ' ~ month ~ ', 1)' -%}
    {%- set offset = '((' ~ weekday ~ ' - 1 - dayofweek(' ~ first ~ ') + 7) % 7)' -%}
    {%- set weeks = '((day(last_day(' ~ first ~ ')) - 1 - ' ~ offset ~ ') // 7 + 1)' -%}
    {{ first }} + cast({{ offset }} + 7 * ({{ hash63([key, "'week'"]) }} % {{ weeks }}) as integer)
{%- endmacro %}

{#-
    Completed years from a date to a later moment, below zero before it. Somebody born on 29 February comes of age on
    1 March, here as in a request.
-#}
{% macro completed_years(born, at) -%}
    cast(
        year({{ at }}) - year({{ born }})
        - cast(strftime({{ at }}, '%m%d') < strftime({{ born }}, '%m%d') as integer) as integer
    )
{%- endmacro %}

{#- Completed years of a life that can be: beyond it the date of birth is wrong, and the age is not known. -#}
{% macro possible_age(born, at) -%}
    {%- set max_age_years = 120 -%}
    case when {{ completed_years(born, at) }} between 0 and {{ max_age_years }} then {{ completed_years(born, at) }} end
{%- endmacro %}
