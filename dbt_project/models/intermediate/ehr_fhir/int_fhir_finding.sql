with

studies as (
    select * from {{ ref('stg_fhir_imaging_study') }}
),

allergies as (
    select * from {{ ref('stg_fhir_allergy_intolerance') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

visits as (
    select
        site,
        visit_key,
        person_key
    from {{ ref('int_fhir_visit') }}
),

providers as (
    select * from {{ ref('int_provider_link') }}
),

procedures as (
    select
        site,
        procedure_key
    from {{ ref('int_procedure') }}
    where target = 1 and omop_table = 'procedure_occurrence'
),

findings as (
    select
        site,
        'fhir_imaging_study' as lake_table,
        imaging_study_key as event_key,
        patient_key,
        encounter_key,
        'FHIR' as code_system,
        'ImagingStudy' as code,
        cast(instance_count as double) as value_number,
        modality_code as value_code,
        'DICOM' as value_code_system,
        body_site_code as qualifier,
        procedure_key,
        started_at as effective_at,
        referrer_key as clinician_key,
        referrer_role_key as clinician_role_key,
        _arrived_at
    from studies
    union all by name
    select
        site,
        'fhir_allergy_intolerance' as lake_table,
        allergy_intolerance_key as event_key,
        patient_key,
        encounter_key,
        code_system,
        code,
        reaction_code as value_code,
        criticality as qualifier,
        coalesce(recorded_at, onset_at) as effective_at,
        recorder_key as clinician_key,
        recorder_role_key as clinician_role_key,
        _arrived_at
    from allergies
),

linked as (
    select
        findings.site,
        findings.lake_table,
        findings.event_key,
        findings.encounter_key as visit_key,
        coalesce(links.person_key, visits.person_key) as person_key,
        coalesce(people.provider_key, roles.provider_key) as provider_key,
        procedures.procedure_key,
        findings.code_system,
        findings.code,
        findings.value_number,
        findings.value_code,
        findings.value_code_system,
        findings.qualifier,
        findings.effective_at,
        findings.effective_at as occurred_at,
        findings._arrived_at
    from findings
    left join links on findings.site = links.site and findings.patient_key = links.reference_key
    left join visits on findings.site = visits.site and findings.encounter_key = visits.visit_key
    left join procedures
        on findings.site = procedures.site and findings.procedure_key = procedures.procedure_key
    left join providers as people
        on findings.site = people.site and findings.clinician_key = people.reference_key
    left join providers as roles
        on findings.site = roles.site and findings.clinician_role_key = roles.reference_key
),

final as (
    select
        *,
        {{ left_out({'no person': 'person_key is null', 'no date': 'effective_at is null'}) }} as left_out
    from linked
)

select * from final
