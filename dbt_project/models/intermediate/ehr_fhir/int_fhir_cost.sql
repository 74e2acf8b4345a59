with

claims as (
    select * from {{ ref('stg_fhir_claim') }}
),

answers as (
    select * from {{ ref('stg_fhir_explanation_of_benefit') }}
),

drugs as (
    select
        site,
        drug_key,
        person_key
    from {{ ref('int_drug') }}
    where lake_table = 'fhir_medication_request' and target = 1 and omop_table = 'drug_exposure'
),

visits as (
    select
        site,
        visit_key,
        person_key
    from {{ ref('int_fhir_visit') }}
),

periods as (
    select * from {{ ref('int_fhir_payer_period') }}
    where left_out is null
),

answered as (
    select
        answers.*
        replace (
            coalesce(answers.encounter_key, claims.encounter_key) as encounter_key,
            coalesce(answers.prescription_key, claims.prescription_key) as prescription_key,
            coalesce(answers.coverage_key, claims.coverage_key) as coverage_key,
            coalesce(answers.charged, claims.total) as charged,
            coalesce(answers.currency, claims.currency) as currency
        ),
        'fhir_explanation_of_benefit' as lake_table,
        answers.explanation_of_benefit_key as cost_key,
        false as is_answered
    from answers
    left join claims on answers.site = claims.site and answers.claim_key = claims.claim_key
),

billed as (
    select
        claims.*,
        'fhir_claim' as lake_table,
        claims.claim_key as cost_key,
        claims.total as charged,
        claims.claim_key in (
            select answers.claim_key from answers
            where answers.site = claims.site and answers.claim_key is not null
        ) as is_answered
    from claims
),

bills as (
    select * from answered
    union all by name
    select * from billed
),

linked as (
    select
        bills.site,
        bills.lake_table,
        bills.cost_key,
        bills.is_answered,
        coalesce(drugs.person_key, visits.person_key) as person_key,
        drugs.drug_key,
        visits.visit_key,
        periods.coverage_key,
        bills.charged,
        bills.allowed,
        bills.benefit,
        bills.paid,
        bills.paid_by_patient,
        bills.copay,
        bills.coinsurance,
        bills.deductible,
        bills.currency
    from bills
    left join drugs on bills.site = drugs.site and bills.prescription_key = drugs.drug_key
    left join visits on bills.site = visits.site and bills.encounter_key = visits.visit_key
    left join periods on bills.site = periods.site and bills.coverage_key = periods.coverage_key
),

final as (
    select
        *,
        {{ left_out({
            'answered by an explanation of benefit': 'is_answered',
            'no visit or drug': 'drug_key is null and visit_key is null',
        }) }} as left_out
    from linked
)

select * from final
