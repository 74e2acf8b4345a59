{{ config(
    materialized = 'incremental', incremental_strategy = 'touched_persons', on_schema_change = 'fail',
) }}
{#- Where the concept of a billed procedure sorts it. -#}
{%- set domains = {
    'procedure_occurrence': 'Procedure', 'measurement': 'Measurement', 'observation': 'Observation',
    'drug_exposure': 'Drug', 'device_exposure': 'Device', 'condition_occurrence': 'Condition',
} -%}

with

costs as (
    select * from {{ ref('int_bill') }}
),

final as (
    select
        {{ record_id('costs.site', 'costs.feed', 'costs.cost_key') }} as cost_id,
        {{ person_id('costs.site', 'costs.person_key') }} as person_id,
        case
            when costs.drug_key is not null then {{ record_id('costs.site', "'ehr_fhir'", 'costs.drug_key') }}
            when costs.procedure_key is not null then costs.row_id
            else {{ visit_id('costs.site', 'costs.visit_key') }}
        end as cost_event_id,
        case
            when costs.drug_key is not null then 'Drug'
            when costs.procedure_key is not null
                then
                    case costs.omop_table
                        {%- for table, domain in domains.items() %}
                            when '{{ table }}' then '{{ domain }}'
                        {%- endfor %}
                    end
            else 'Visit'
        end as cost_domain_id,
        cast(coalesce(types.concept_id, 0) as integer) as cost_type_concept_id,
        cast(
            case
                when costs.currency is not null then coalesce({{ concept_in('currencies', 'Currency') }}, 0)
            end as integer
        ) as currency_concept_id,
        costs.charged as total_charge,
        cast(null as double) as total_cost,
        case
            when costs.paid is not null or costs.paid_by_patient is not null
                then coalesce(costs.paid, 0) + coalesce(costs.paid_by_patient, 0)
        end as total_paid,
        coalesce(costs.paid, costs.benefit) as paid_by_payer,
        costs.paid_by_patient,
        costs.copay as paid_patient_copay,
        costs.coinsurance as paid_patient_coinsurance,
        costs.deductible as paid_patient_deductible,
        costs.paid_by_primary,
        cast(null as double) as paid_ingredient_cost,
        cast(null as double) as paid_dispensing_fee,
        case
            when costs.known_coverage_key is not null
                then {{ record_id('costs.site', 'costs.feed', 'costs.known_coverage_key') }}
        end as payer_plan_period_id,
        costs.allowed as amount_allowed,
        cast(case when costs.revenue_code is not null then 0 end as integer) as revenue_code_concept_id,
        costs.revenue_code[1:50] as revenue_code_source_value,
        cast(case when costs.drg_code is not null then 0 end as integer) as drg_concept_id,
        costs.drg_code[1:3] as drg_source_value
    from costs
    {{ join_concept('types', "'record'", "'cost'") }}
    {{ join_concept('currencies', "'ISO 4217'", 'costs.currency') }}
)

select * from final
