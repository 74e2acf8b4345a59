{%- set window_minutes = 60 -%}
{%- set max_clock_skew_minutes = 5 -%}

with

-- An encounter without a start is dated by its end or its record: a date for OMOP, and no arrival.
undated as (
    select
        site,
        encounter_key as visit_key
    from {{ ref('int_fhir_encounter') }}
    where started_at is null
),

visits as (
    select
        visits.*,
        {{ local_time('visits.site', 'visits.started_at') }} as arrived_local
    from {{ ref('int_visit') }} as visits
    left join undated on visits.site = undated.site and visits.visit_key = undated.visit_key
    where
        visits.visit_concept_id in (9203, 262)
        -- Messages and bills alone tell nothing of triage.
        and coalesce(visits.feed, '') not in ('hl7v2', 'x12_837')
        and coalesce(visits.status, '') not in ('cancelled', 'planned')
        and undated.visit_key is null
        -- Nobody arrived before hospitals kept records like these, nor after the record of it.
        and visits.started_at >= timestamptz '1900-01-01 00:00:00+00'
        and coalesce(
            visits.started_at <= visits._arrived_at + interval {{ max_clock_skew_minutes }} minutes, true
        )
),

persons as (
    select * from {{ ref('int_person') }}
),

payers as (
    select * from {{ ref('int_fhir_payer') }}
),

levels as (
    select * from {{ ref('int_triage_reading') }}
    where feature = 'triage_level'
),

triaged as (
    select
        visits.visit_occurrence_id,
        min(levels.effective_at) as triaged_at
    from visits
    inner join levels
        on
            visits.visit_occurrence_id = levels.visit_occurrence_id
            and visits.started_at <= levels.effective_at
    group by visits.visit_occurrence_id
),

final as (
    select
        visits.visit_occurrence_id,
        visits.person_id,
        visits.site,
        visits.feed,
        visits.visit_key,
        visits.started_at as arrived_at,
        visits.arrived_local,
        coalesce(triaged.triaged_at, visits.started_at + interval {{ window_minutes }} minutes) as triaged_at,
        visits.has_arrival_time,
        visits.unit,
        {{ possible_age('persons.birth_date', 'visits.arrived_local') }} as age_years,
        persons.gender_concept_id,
        persons.race_concept_id,
        persons.ethnicity_concept_id,
        persons.language_code,
        coalesce(visits.payer, payers.payer) as payer,
        visits.arrived_by_ambulance,
        visits.seen_72h,
        visits.is_history_known,
        visits.is_dead_on_arrival,
        greatest(visits._arrived_at, persons._arrived_at) as _arrived_at
    from visits
    inner join persons on visits.person_id = persons.person_id
    left join payers on visits.site = payers.site and visits.person_key = payers.person_key
    left join triaged on visits.visit_occurrence_id = triaged.visit_occurrence_id
)

select * from final
