{#- A duration in whole days, begun days counted; null where the unit (UCUM, or English) is no length of time. -#}
{% macro days_of(value, unit) -%}
    cast(ceil({{ value }} * case lower({{ unit }})
        when 'd' then 1 when 'day' then 1 when 'days' then 1
        when 'h' then 1 / 24 when 'hour' then 1 / 24 when 'hours' then 1 / 24
        when 'wk' then 7 when 'week' then 7 when 'weeks' then 7
        when 'mo' then 30 when 'month' then 30 when 'months' then 30
        when 'a' then 365 when 'year' then 365 when 'years' then 365
    end) as integer)
{%- endmacro %}

{#-
    Gaps and islands: 1 on a row that begins a new run of intervals, else 0. A run goes on while an interval begins at
    most `gap` days after the latest end so far. Rows are partitioned by `keys`.
-#}
{% macro begins_run(keys, first, last, gap) -%}
    cast(coalesce(
        {{ first }} > max({{ last }}) over (
            partition by {{ keys | join(', ') }}
            order by {{ first }}, {{ last }}
            rows between unbounded preceding and 1 preceding
        ) + {{ gap }}, true) as integer)
{%- endmacro %}

{#- The number of the run within its partition: the running sum of `begins_run`; equal intervals get the same. -#}
{% macro run_number(keys, first, last, begins) -%}
    sum({{ begins }}) over (
        partition by {{ keys | join(', ') }}
        order by {{ first }}, {{ last }}
        range unbounded preceding
    )
{%- endmacro %}
