{%- set window_minutes = 60 -%}

with

visits as (
    select
        *,
        -- The survey's clock is the wall's already.
        case feed
            when 'nhamcs_ed' then {{ utc('started_at') }}
            else {{ local_time('site', 'started_at') }}
        end as arrived_local
    from {{ ref('int_visit') }}
    where visit_concept_id in (9203, 262) and coalesce(status, '') not in ('cancelled', 'planned')
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
        visits.visit_key,
        visits.started_at as arrived_at,
        visits.arrived_local,
        coalesce(triaged.triaged_at, visits.started_at + interval {{ window_minutes }} minutes) as triaged_at,
        visits.has_arrival_time,
        visits.unit,
        case
            when persons.birth_date <= visits.arrived_local
                -- Somebody born on 29 February comes of age on 1 March, here as in a request.
                then cast(
                    year(visits.arrived_local) - year(persons.birth_date)
                    - cast(
                        strftime(visits.arrived_local, '%m%d') < strftime(persons.birth_date, '%m%d')
                        as integer
                    ) as integer
                )
        end as age_years,
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
