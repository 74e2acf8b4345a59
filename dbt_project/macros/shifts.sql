{#-
    A site's shifts, as its YAML has them, as rows of (site, shift, starts, ends): local times of day. A site that names
    none works in whole days.
-#}
{% macro site_shifts() -%}
    {%- set sites = var('shifts') -%}
    {%- set rows = [] -%}
    {%- for site, shifts in (sites if sites is mapping else {}).items() -%}
        {%- for one in shifts -%}
            {%- do rows.append(
                "('" ~ site ~ "', '" ~ one.id ~ "', time '" ~ one.starts ~ "', time '" ~ one.ends ~ "')"
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    select
        named.site,
        named.shift,
        named.starts,
        named.ends
    from (values {{ (rows or ["('', '', time '00:00', time '00:00')"]) | join(', ') }})
        as named (site, shift, starts, ends)
    where named.site != ''
{%- endmacro %}

{#-
    The first of a site's shifts that covers a local time of day, its start in and its end out; null where none does, or
    the time is not known. As serving has it (ml/serving/hours.py).
-#}
{% macro shift_of(site, local) -%}
    {%- set sites = var('shifts') -%}
    case
        {%- for name, shifts in (sites if sites is mapping else {}).items() %}
        {%- for one in shifts %}
        {%- set after, before = local ~ " >= time '" ~ one.starts ~ "'", local ~ " < time '" ~ one.ends ~ "'" %}
        when {{ site }} = '{{ name }}'
            and ({{ after }} {{ 'and' if one.starts < one.ends else 'or' }} {{ before }}) then '{{ one.id }}'
        {%- endfor %}
        {%- endfor %}
        when {{ site }} is null then cast(null as varchar)
    end
{%- endmacro %}

{#- The shift's first moment, or its end: one that ends at or before its start ends on the next day. -#}
{% macro shift_begins(site, day, starts) -%}
    {{ local_time(site, '(' ~ day ~ ' + ' ~ starts ~ ')') }}
{%- endmacro %}

{% macro shift_ends(site, day, starts, ends) -%}
    {{ local_time(
        site, '(' ~ day ~ ' + case when ' ~ ends ~ ' <= ' ~ starts ~ ' then 1 else 0 end + ' ~ ends ~ ')'
    ) }}
{%- endmacro %}

{#- The unit that an admitting clinic of a site books beds on; null for a clinic that admits nobody. -#}
{% macro admitting_unit(site, clinic) -%}
    {%- set sites = var('admitting_clinics') -%}
    case
        {%- for name, clinics in (sites if sites is mapping else {}).items() %}
        {%- for code, unit in clinics.items() %}
        when {{ site }} = '{{ name }}' and {{ clinic }} = '{{ code }}' then '{{ unit }}'
        {%- endfor %}
        {%- endfor %}
        when {{ site }} is null then cast(null as varchar)
    end
{%- endmacro %}

{#- A role of a roster as the skill that staffing counts; null for a role that is no nurse's. -#}
{% macro nurse_skill(role) -%}
    case
        when lower({{ role }}) in ('rn', 'charge', 'registered nurse') then 'rn'
        when lower({{ role }}) in ('lpn', 'lvn', 'en', 'practical nurse') then 'lpn'
        when lower({{ role }}) in ('cna', 'hca', 'aide', 'nursing assistant') then 'aide'
    end
{%- endmacro %}
