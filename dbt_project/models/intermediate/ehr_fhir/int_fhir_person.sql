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

identified as (
    select
        patients.site,
        links.person_key,
        patients.birth_date,
        patients.gender as gender_code,
        patients.race_code,
        patients.ethnicity_code,
        patients.language_code,
        patients.state,
        patients.zip3,
        false as is_placeholder,
        patients._arrived_at
    from patients
    inner join links on patients.site = links.site and patients.patient_key = links.reference_key
    qualify row_number() over (
        partition by patients.site, links.person_key
        order by
            coalesce(patients._version_at, patients._arrived_at) desc,
            patients._arrived_at desc,
            patients._line desc,
            patients._file desc
    ) = 1
),

placeholders as (
    select
        site,
        person_key,
        true as is_placeholder
    from links
    where is_placeholder
    union all
    select
        site,
        encounter_key as person_key,
        true as is_placeholder
    from encounters
    where patient_key is null
),

persons as (
    select * from identified
    union all by name
    select * from placeholders
),

final as (
    select
        *,
        false as is_birth_date_surrogate,
        'FHIR administrative-gender' as gender_system,
        'OMB' as race_system,
        'OMB' as ethnicity_system
    from persons
)

select * from final
