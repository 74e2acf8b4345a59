-- Records that name a visit of another person than their own, by site, feed and table; their rows have no
-- visit. It warns: the source has mixed up two people, or two visits, and nobody here can tell which. In an
-- incremental build those of the persons that it built.
{%- set records = {
    'condition_occurrence': 'int_condition', 'device_exposure': 'int_device', 'drug_exposure': 'int_drug',
    'measurement': 'int_measurement', 'observation': 'int_observation', 'procedure_occurrence': 'int_procedure',
} -%}
{{ config(severity = 'warn', store_failures = true) }}

with

named as (
    select
        site,
        lake_table as feed,
        'note' as omop_table,
        person_key,
        visit_key
    from {{ ref('int_note_record') }}
    where visit_occurrence_id is null
    {%- for omop_table, model in records.items() %}
        union all
        select
            site,
            feed,
            '{{ omop_table }}' as omop_table,
            person_key,
            visit_key
        from {{ ref(model) }}
        where visit_occurrence_id is null and visit_key is not null
    {%- endfor %}
),

visits as (
    select
        site,
        visit_key,
        person_key
    from {{ ref('int_visit') }}
),

final as (
    select
        named.site,
        named.feed,
        named.omop_table,
        count(*) as records
    from named
    inner join visits
        on
            named.site = visits.site and named.visit_key = visits.visit_key
            and named.person_key != visits.person_key
    group by named.site, named.feed, named.omop_table
)

select * from final
