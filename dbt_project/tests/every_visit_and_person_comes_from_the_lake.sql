-- No row beyond the lake's: visits are live encounters and surveyed visits; persons and deaths are those of
-- the feeds, in an incremental build those that it built. (That none is missing is lake_to_omop's part.)
with

expected as (
    select
        'visit' as kind,
        coalesce(sum(live_keys), 0) as n
    from {{ ref('lake_to_omop') }}
    where lake_table in ('fhir_encounter', 'nhamcs_visit')
    union all
    select
        'person' as kind,
        count(distinct concat(site, '|', person_key)) as n
    from {{ ref('int_person') }}
    union all
    select
        'death' as kind,
        count(distinct concat(site, '|', person_key)) as n
    from {{ ref('int_death') }}
),

found as (
    select
        'visit' as kind,
        count(*) as n
    from {{ ref('visit_occurrence') }}
    union all
    select
        'person' as kind,
        count(*) as n
    from {{ ref('person') }}
    where {{ is_touched() }}
    union all
    select
        'death' as kind,
        count(*) as n
    from {{ ref('death') }}
    where {{ is_touched() }}
),

final as (
    select
        found.kind,
        found.n as found,
        expected.n as expected
    from found
    inner join expected on found.kind = expected.kind
    where found.n != expected.n
)

select * from final
