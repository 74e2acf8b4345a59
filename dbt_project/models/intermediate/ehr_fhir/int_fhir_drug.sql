with

medications as (
    select
        site,
        unnest([medication_key, identifier_key]) as reference_key,
        code_system,
        code
    from {{ ref('stg_fhir_medication') }}
),

known_medications as (
    select
        site,
        reference_key,
        arg_min(code_system, (code, code_system)) as code_system,
        min(code) as code
    from medications
    where reference_key is not null
    group by site, reference_key
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

records as (
    select
        * replace (coalesce(started_at, authored_at) as started_at),
        'fhir_medication_request' as lake_table,
        'prescription' as kind,
        medication_request_key as drug_key,
        requester_key as clinician_key,
        requester_role_key as clinician_role_key
    from {{ ref('stg_fhir_medication_request') }}
    union all by name
    select
        *,
        'fhir_medication_administration' as lake_table,
        medication_administration_key as drug_key,
        dose_value as quantity,
        performer_key as clinician_key,
        performer_role_key as clinician_role_key
    from {{ ref('stg_fhir_medication_administration') }}
    union all by name
    select
        *,
        'fhir_medication_statement' as lake_table,
        medication_statement_key as drug_key,
        source_key as clinician_key,
        source_role_key as clinician_role_key
    from {{ ref('stg_fhir_medication_statement') }}
    union all by name
    select
        *,
        'fhir_immunization' as lake_table,
        immunization_key as drug_key,
        occurred_at as started_at,
        dose_value as quantity,
        performer_key as clinician_key,
        performer_role_key as clinician_role_key
    from {{ ref('stg_fhir_immunization') }}
),

linked as (
    select
        records.site,
        records.lake_table,
        records.kind,
        records.drug_key,
        records.encounter_key as visit_key,
        coalesce(links.person_key, visits.person_key) as person_key,
        coalesce(people.provider_key, roles.provider_key) as provider_key,
        coalesce(records.code_system, known_medications.code_system) as code_system,
        coalesce(records.code, known_medications.code) as code,
        records.started_at,
        records.ended_at,
        {{ days_of('records.supply', 'records.supply_unit') }} as days_supply,
        records.quantity,
        records.refills,
        records.route_system,
        records.route_code,
        records.dose_unit,
        records.lot_number,
        records.status_reason_code as stop_reason,
        records._arrived_at
    from records
    left join links on records.site = links.site and records.patient_key = links.reference_key
    left join visits on records.site = visits.site and records.encounter_key = visits.visit_key
    left join known_medications
        on records.site = known_medications.site and records.medication_key = known_medications.reference_key
    left join providers as people
        on records.site = people.site and records.clinician_key = people.reference_key
    left join providers as roles
        on records.site = roles.site and records.clinician_role_key = roles.reference_key
),

final as (
    select
        *,
        {{ left_out({'no person': 'person_key is null', 'no date': 'started_at is null'}) }} as left_out
    from linked
)

select * from final
