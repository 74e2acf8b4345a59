{#- A timestamptz as OMOP's datetime: without zone, in UTC. -#}
{% macro utc(column) -%}
    timezone('UTC', {{ column }})
{%- endmacro %}

{#-
    An expression of the zone that a site's clock shows, `{zone}`; UTC where the site names none (decision record 0061).
    One branch for each zone, not one zone for each row: DuckDB sets a constant zone up once. Null without a site.
-#}
{% macro in_zone(site, expression) -%}
    {%- set zones = var('timezones') -%}
    {%- set of_zone = {} -%}
    {%- for name, zone in (zones if zones is mapping else {}).items() -%}
        {%- do of_zone.update({zone: of_zone.get(zone, []) + ["'" ~ name ~ "'"]}) -%}
    {%- endfor -%}
    case
    {%- for zone, names in of_zone.items() if zone != 'UTC' %}
    when {{ site }} in ({{ names | join(', ') }}) then {{ expression | replace('{zone}', "'" ~ zone ~ "'") }}
    {%- endfor %}
    when {{ site }} is not null then {{ expression | replace('{zone}', "'UTC'") }}
    end
{%- endmacro %}

{#- The wall clock at the site of an instant, or the instant at which the clock shows a time. -#}
{% macro local_time(site, column) -%}
    {{ in_zone(site, 'timezone({zone}, ' ~ column ~ ')') }}
{%- endmacro %}

{#- The day that the site's calendar shows at an instant: every date made of an instant comes from here. -#}
{% macro local_date(site, column) -%}
    {{ in_zone(site, 'cast(timezone({zone}, ' ~ column ~ ') as date)') }}
{%- endmacro %}

{#- The first instant of a day at the site: how a day without a clock is read, so that its date is itself. -#}
{% macro midnight(site, day) -%}
    {{ in_zone(site, 'timezone({zone}, cast(' ~ day ~ ' as timestamp))') }}
{%- endmacro %}

{#- The first instant of the local day in which an instant lies. -#}
{% macro start_of_day(site, column) -%}
    {{ in_zone(site, "timezone({zone}, date_trunc('day', timezone({zone}, " ~ column ~ ")))") }}
{%- endmacro %}

{#- Whether an instant says more than a day: the first one of a day is how a date without a clock is read. -#}
{% macro has_clock(site, column) -%}
    coalesce({{ column }} != {{ start_of_day(site, column) }}, false)
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
