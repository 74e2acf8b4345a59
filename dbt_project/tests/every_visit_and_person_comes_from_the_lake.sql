-- No row beyond the lake's: visits are live encounters, surveyed visits, and what only messages or claims
-- tell of; persons and deaths are those of the feeds; in an incremental build those that it built.
-- (That none is missing is lake_to_omop's part.)
with

visits as (
    select
        site,
        encounter_key as visit_key
    from {{ ref('stg_fhir_encounter') }}
    union
    select
        site,
        visit_key
    from {{ ref('stg_nhamcs_visit') }}
    union
    select
        site,
        visit_key
    from {{ ref('int_hl7_visit') }}
    where left_out is null
    union
    select
        site,
        visit_key
    from {{ ref('int_x12_visit') }}
    union
    select
        site,
        visit_key
    from {{ ref('int_synthea_visit') }}
),

expected as (
    select
        'visit' as kind,
        count(*) as n
    from visits
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
    where {{ is_touched() }}
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
    where
        found.n != expected.n
        and {{ has_work() }}
)

select * from final
