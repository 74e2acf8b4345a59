{#-
    Every check that seeds/quality_checks.csv has for a table (OHDSI Data Quality Dashboard), in one query. All results
    are kept in `failures.quality_<table>`, met or not; the test fails where a check of severity error is not met.
-#}
{% test data_quality(model) %}
{{ config(
    store_failures = true, fail_calc = "count(*) filter (where severity = 'error' and not is_met)",
    error_if = '> 0', warn_if = '> 0',
) }}
{%- set people, dead, stays = ref('person'), ref('death'), ref('visit_occurrence') -%}
{%- set targets = {
    'person': people, 'visit_occurrence': stays, 'visit_detail': ref('visit_detail'), 'provider': ref('provider'),
    'care_site': ref('care_site'), 'location': ref('location'), 'payer_plan_period': ref('payer_plan_period'),
} -%}
{%- set vocabulary, source, conditions = ref('concept'), ref('cdm_source'), ref('condition_occurrence') -%}
{%- set checks = ref('quality_checks') -%}
{%- set listed, columns = [], [] -%}
{%- if execute -%}
    {%- set columns = adapter.get_columns_in_relation(model) -%}
    {%- for row in run_query("select * from " ~ checks ~ " where cdm_table = '" ~ model.identifier ~ "' order by check_id") -%}
        {%- do listed.append(row.dict()) -%}
    {%- endfor -%}
{%- endif -%}
{%- set names = columns | map(attribute='name') | list -%}
{%- set has_person = 'person_id' in names -%}
{%- if execute and not columns %}
select
    *,
    1 as violated_rows,
    1 as all_rows,
    100.0 as violated_pct,
    false as is_met
from {{ checks }}
where cdm_table = '{{ model.identifier }}' and check_name = 'cdmTable'
{%- else %}
{%- set has_visit = 'visit_occurrence_id' in names and model.identifier != 'visit_occurrence' -%}
with

persons as (
    select
        *,
        make_date(nullif(year_of_birth, 0), coalesce(month_of_birth, 1), coalesce(day_of_birth, 1)) as born_on
    from {{ people }}
),

today as (
    select least(max(source_release_date), cast(cast('{{ var("as_of") }}' as timestamptz) as date)) as day
    from {{ source }}
),

used as (
    select cast(null as varchar) as field, cast(null as bigint) as concept_id, 0 as n where false
    {%- for name in names if name.endswith('concept_id') %}
        union all
        select '{{ name }}', {{ name }}, count(*) from {{ model }} where {{ name }} is not null group by {{ name }}
    {%- endfor %}
),

concepts as (
    select * from {{ vocabulary }} where concept_id in (select concept_id from used)
),

counted as (
    select unnest([
        {%- for check in listed %}
            {%- set numbers = quality_numbers(check, columns, model) %}
            {'check_id': {{ check.check_id }}, 'violated_rows': {{ numbers[0] }}, 'all_rows': {{ numbers[1] }}}
            {{- ',' if not loop.last }}
        {%- endfor %}
    ]::struct(check_id integer, violated_rows bigint, all_rows bigint)[]) as counts
    from {{ model }} as facts
    {% if has_person -%}
        left join persons on facts.person_id = persons.person_id
        left join {{ dead }} as deaths on facts.person_id = deaths.person_id
    {%- endif %}
    {% if has_visit -%}
        left join {{ stays }} as visits on facts.visit_occurrence_id = visits.visit_occurrence_id
    {%- endif %}
    {%- for check in listed
        if check.check_name == 'isForeignKey' and check.against != 'concept' and check.cdm_field in names %}
        left join (select {{ check.against }}_id as id from {{ targets[check.against] }}) as referred_{{ check.cdm_field }}
            on facts.{{ check.cdm_field }} = referred_{{ check.cdm_field }}.id
    {%- endfor %}
)

select
    checks.*,
    counts.violated_rows,
    counts.all_rows,
    100.0 * counts.violated_rows / nullif(counts.all_rows, 0) as violated_pct,
    counts.violated_rows <= greatest(checks.allowed_rows, checks.threshold_pct / 100 * counts.all_rows) as is_met
from counted
inner join {{ checks }} as checks on counts.check_id = checks.check_id
{%- endif %}
{% endtest %}
