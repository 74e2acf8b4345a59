with

encounters as (
    select * from {{ ref('int_fhir_encounter') }}
),

deaths as (
    select * from {{ ref('int_fhir_death') }}
),

dated as (
    select
        encounters.*,
        coalesce(encounters.discharge_disposition_code, '') as disposition,
        not encounters.is_inpatient as is_seen_in_emergency_only,
        deaths._arrived_at as death_arrived_at,
        -- A death without a time counts by its date.
        coalesce(if(
            deaths.has_death_time,
            deaths.died_at between encounters.begun_at and encounters.ended_at,
            deaths.died_at <= encounters.ended_at
            and {{ local_date('deaths.site', 'deaths.died_at') }}
            >= {{ local_date('encounters.site', 'encounters.begun_at') }}
        ), false) as dies_within,
        coalesce(if(
            deaths.has_death_time,
            deaths.died_at <= encounters.begun_at,
            {{ local_date('deaths.site', 'deaths.died_at') }}
            < {{ local_date('encounters.site', 'encounters.begun_at') }}
        ), false) as dies_before
    from encounters
    left join deaths on encounters.site = deaths.site and encounters.person_key = deaths.person_key
),

final as (
    select
        site,
        'ehr_fhir' as feed,
        encounter_key as visit_key,
        person_key,
        care_site_key,
        'v3-ActCode' as class_system,
        class_code,
        status,
        begun_at as started_at,
        ended_at,
        true as has_arrival_time,
        coalesce(status = 'finished', false) or ended_at is not null as is_ended,
        starts_in_emergency,
        is_inpatient as is_admitted,
        disposition = 'exp' or dies_within as is_dead,
        dies_before as is_dead_on_arrival,
        disposition = 'aadvice' and is_seen_in_emergency_only as has_left_early,
        disposition = 'other-hcf' and is_seen_in_emergency_only as is_transferred,
        true as is_unit_known,
        true as is_survival_known,
        true as is_history_known,
        coalesce(readmission_code = 'R', false) as seen_72h,
        'FHIR discharge-disposition' as discharged_to_system,
        discharge_disposition_code as discharged_to_code,
        admit_source_code as admitted_from_code,
        part_of_key,
        unit,
        greatest(_arrived_at, if(dies_within, death_arrived_at, null)) as _arrived_at
    from dated
)

select * from final
