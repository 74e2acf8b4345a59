with

patients as (
    select
        links.site,
        'fhir_patient' as lake_table,
        persons.person_id is not null as is_placed,
        deaths.person_id is not null
        and coalesce(patients.is_deceased or patients.deceased_at is not null, false) as is_dead
    from {{ ref('stg_fhir_patient') }} as patients
    inner join {{ ref('int_fhir_person_link') }} as links
        on patients.site = links.site and patients.patient_key = links.reference_key
    left join {{ ref('person') }} as persons
        on persons.person_id = {{ person_id('links.site', 'links.person_key') }}
    left join {{ ref('death') }} as deaths on persons.person_id = deaths.person_id
),

encounters as (
    select
        encounters.site,
        'fhir_encounter' as lake_table,
        visits.visit_occurrence_id is not null as is_placed,
        false as is_dead
    from {{ ref('stg_fhir_encounter') }} as encounters
    left join {{ ref('visit_occurrence') }} as visits
        on visits.visit_occurrence_id = {{ visit_id('encounters.site', 'encounters.encounter_key') }}
),

surveyed as (
    select
        surveyed.site,
        'nhamcs_visit' as lake_table,
        persons.person_id is not null as is_placed,
        deaths.person_id is not null as is_dead
    from {{ ref('stg_nhamcs_visit') }} as surveyed
    left join {{ ref('visit_occurrence') }} as visits
        on visits.visit_occurrence_id = {{ visit_id('surveyed.site', 'surveyed.visit_key') }}
    left join {{ ref('person') }} as persons on visits.person_id = persons.person_id
    left join {{ ref('death') }} as deaths on persons.person_id = deaths.person_id
),

conditions as (
    select
        conditions.site,
        'fhir_condition' as lake_table,
        placed.condition_occurrence_id is not null as is_placed,
        false as is_dead
    from {{ ref('int_fhir_condition') }} as conditions
    left join {{ ref('condition_occurrence') }} as placed
        on
            placed.condition_occurrence_id
            = {{ hash63(['conditions.site', "'ehr_fhir'", 'conditions.condition_key']) }}
),

observations as (
    select
        events.site,
        'fhir_observation' as lake_table,
        bool_and(coalesce(measurements.measurement_id, observations.observation_id) is not null) as is_placed,
        false as is_dead
    from {{ ref('int_fhir_event') }} as events
    left join {{ ref('measurement') }} as measurements
        on measurements.measurement_id = {{ hash63(['events.site', "'ehr_fhir'", 'events.event_key']) }}
    left join {{ ref('observation') }} as observations
        on observations.observation_id = {{ hash63(['events.site', "'ehr_fhir'", 'events.event_key']) }}
    group by events.site, events.observation_key
),

final as (
    select * from patients
    union all
    select * from encounters
    union all
    select * from surveyed
    union all
    select * from conditions
    union all
    select * from observations
)

select * from final
