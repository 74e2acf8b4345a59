with

visits as (
    select * from {{ ref('stg_synthea_encounter') }}
),

drugs as (
    select * from {{ ref('stg_synthea_medication') }}
),

vaccines as (
    select * from {{ ref('stg_synthea_immunization') }}
),

procedures as (
    select * from {{ ref('stg_synthea_procedure') }}
),

-- Where the record system bills a visit, this export would bill it a second time.
billed as (
    select distinct
        site,
        visit_key
    from {{ ref('int_fhir_cost') }}
    where left_out is null and visit_key is not null
),

costs as (
    select
        site,
        encounter_key as cost_key,
        cast(null as varchar) as event_key,
        encounter_key as visit_key,
        patient_key as person_key,
        total_cost as charged,
        paid_by_payer as paid,
        _arrived_at
    from visits
    union all by name
    select
        site,
        medication_key as cost_key,
        medication_key as event_key,
        encounter_key as visit_key,
        patient_key as person_key,
        total_cost as charged,
        paid_by_payer as paid,
        _arrived_at
    from drugs
    union all by name
    select
        site,
        immunization_key as cost_key,
        immunization_key as event_key,
        encounter_key as visit_key,
        patient_key as person_key,
        cost as charged,
        _arrived_at
    from vaccines
    union all by name
    select
        site,
        procedure_key as cost_key,
        procedure_key as event_key,
        encounter_key as visit_key,
        patient_key as person_key,
        base_cost as charged,
        _arrived_at
    from procedures
),

final as (
    select
        costs.*,
        'USD' as currency,
        {{ left_out({'told by the record system': 'billed.site is not null'}) }} as left_out
    from costs
    left join billed on costs.site = billed.site and costs.visit_key = billed.visit_key
    where costs.charged is not null or costs.paid is not null
)

select * from final
