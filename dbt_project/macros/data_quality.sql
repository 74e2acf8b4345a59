{#-
    Every check that seeds/quality_checks.csv has for a table (OHDSI Data Quality Dashboard), in one query. All results
    are kept in `failures.quality_<table>`, met or not: those of the whole table (`site` is null), and those of each site
    for what is a matter of a person's rows. A site is held to its own threshold where the seed has one. The test fails
    where a check of severity error is not met, also where it is one site that misses it and the others hide that.
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
    {#- As one JSON document: dbt guesses the type of every cell of a result, which costs more than the checks. -#}
    {%- set listed = fromjson(run_query("
        select coalesce(to_json(list(checks order by check_id)), '[]') from " ~ checks ~ " as checks
        where cdm_table = '" ~ model.identifier ~ "' and site is null
    ").rows[0][0]) -%}
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
where cdm_table = '{{ model.identifier }}' and check_name = 'cdmTable' and site is null
{%- else %}
{%- set has_visit = 'visit_occurrence_id' in names and model.identifier != 'visit_occurrence' -%}
with

persons as (
    select
        persons.*,
        states.site,
        make_date(
            nullif(persons.year_of_birth, 0), coalesce(persons.month_of_birth, 1), coalesce(persons.day_of_birth, 1)
        ) as born_on
    from {{ people }} as persons
    left join {{ ref('int_person_state') }} as states on persons.person_id = states.person_id
),

today as (
    select least(max(source_release_date), cast(cast('{{ var("as_of") }}' as timestamptz) as date)) as day
    from {{ source }}
),

used as (
    select cast(null as varchar) as site, cast(null as varchar) as field, cast(null as bigint) as concept_id, 0 as n
    where false
    {%- for name in names if name.endswith('concept_id') %}
        union all
        select {{ 'persons.site' if has_person else 'null' }}, '{{ name }}', facts.{{ name }}, count(*)
        from {{ model }} as facts
        {% if has_person -%} left join persons on facts.person_id = persons.person_id {%- endif %}
        where facts.{{ name }} is not null
        group by all
    {%- endfor %}
),

{%- set lists = {'whole': [], 'concept': [], 'row': []} -%}
{%- for check in listed -%}
    {%- set kind, numbers = quality_numbers(check, columns, model) -%}
    {%- do lists[kind].append(
        "{'check_id': " ~ check.check_id ~ ", 'violated_rows': " ~ numbers[0] ~ ", 'all_rows': " ~ numbers[1] ~ "}"
    ) -%}
{%- endfor %}
{%- set counts = 'struct(check_id integer, violated_rows bigint, all_rows bigint)[]' %}

of_table as (
    select unnest([{{ lists['whole'] | join(', ') }}]::{{ counts }}) as counts
    from {{ model }} as facts
    having count(*) >= 0
),

of_concepts as (
    select
        used.site,
        unnest([{{ lists['concept'] | join(', ') }}]::{{ counts }}) as counts
    from used
    left join {{ vocabulary }} as concepts on used.concept_id = concepts.concept_id
    group by used.site
),

of_rows as (
    select
        {{ 'persons.site' if has_person else 'cast(null as varchar) as site' }},
        unnest([{{ lists['row'] | join(', ') }}]::{{ counts }}) as counts
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
    {{ 'group by persons.site' if has_person else 'having count(*) >= 0' }}
),

by_site as (
    select * from of_concepts
    union all
    select * from of_rows
),

counted as (
    select
        site,
        counts.check_id,
        counts.violated_rows,
        counts.all_rows
    from by_site
    where site is not null
    union all
    select
        null as site,
        listed.check_id,
        coalesce(sum(found.violated_rows), 0) as violated_rows,
        coalesce(sum(found.all_rows), 0) as all_rows
    from {{ checks }} as listed
    left join (select counts.* from by_site union all select counts.* from of_table) as found
        on listed.check_id = found.check_id
    where listed.cdm_table = '{{ model.identifier }}' and listed.site is null
    group by listed.check_id
),

held as (
    select
        checks.* replace (
            counted.site as site,
            coalesce(own.allowed_rows, checks.allowed_rows) as allowed_rows,
            coalesce(own.threshold_pct, checks.threshold_pct) as threshold_pct,
            coalesce(own.severity, checks.severity) as severity,
            coalesce(own.owner, checks.owner) as owner,
            coalesce(own.rationale, checks.rationale) as rationale,
            coalesce(own.decided_on, checks.decided_on) as decided_on
        ),
        counted.violated_rows,
        counted.all_rows
    from counted
    inner join {{ checks }} as checks on counted.check_id = checks.check_id
    left join {{ checks }} as own
        on
            own.site = counted.site
            and own.cdm_table = checks.cdm_table
            and own.check_name = checks.check_name
            and own.cdm_field is not distinct from checks.cdm_field
            and own.concept_id is not distinct from checks.concept_id
            and own.unit_concept_id is not distinct from checks.unit_concept_id
            and own.against is not distinct from checks.against
)

select
    *,
    100.0 * violated_rows / nullif(all_rows, 0) as violated_pct,
    violated_rows <= greatest(allowed_rows, threshold_pct / 100 * all_rows) as is_met
from held
{%- endif %}
{% endtest %}
