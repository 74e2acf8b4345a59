with

links as (
    select * from {{ ref('int_person_link') }}
),

patients as (
    select * from {{ ref('stg_fhir_patient') }}
),

encounters as (
    select * from {{ ref('stg_fhir_encounter') }}
),

recorded as (
    select
        links.site,
        links.person_key,
        patients.deceased_at as died_at,
        patients._version_at as recorded_at,
        patients._arrived_at
    from patients
    inner join links on patients.site = links.site and patients.patient_key = links.reference_key
    where coalesce(patients.is_deceased, false) or patients.deceased_at is not null
),

discharged as (
    select
        encounters.site,
        coalesce(links.person_key, encounters.patient_key, encounters.encounter_key) as person_key,
        encounters.ended_at as died_at,
        encounters._version_at as recorded_at,
        encounters._arrived_at
    from encounters
    left join links on encounters.site = links.site and encounters.patient_key = links.reference_key
    where encounters.discharge_disposition_code = 'exp'
),

reports as (
    select
        *,
        1 as precedence
    from recorded
    union all by name
    select
        *,
        2 as precedence
    from discharged
),

deaths as (
    select
        site,
        person_key,
        -- The patient record's date goes before that of a visit; without any date, the date of the record.
        arg_min(died_at, (precedence, died_at)) filter (where died_at is not null) as dated_at,
        min(coalesce(recorded_at, _arrived_at)) as reported_at,
        max(_arrived_at) as _arrived_at
    from reports
    group by site, person_key
),

final as (
    select
        site,
        person_key,
        coalesce(dated_at, reported_at) as died_at,
        -- A date without time lands as the site's midnight.
        {{ has_clock('site', 'dated_at') }} as has_death_time,
        _arrived_at
    from deaths
)

select * from final
