with

conditions as (
    select * from {{ ref('stg_fhir_condition') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

visits as (
    select
        site,
        visit_key,
        person_key,
        started_at
    from {{ ref('int_fhir_visit') }}
),

final as (
    select
        conditions.site,
        'fhir_condition' as lake_table,
        conditions.encounter_key as visit_key,
        coalesce(links.person_key, visits.person_key) as person_key,
        conditions.condition_key,
        conditions.code_system,
        conditions.code,
        coalesce(conditions.onset_at, conditions.recorded_at) as onset_at,
        coalesce(conditions.recorded_at, conditions.onset_at) as known_from_at,
        coalesce(
            conditions.onset_at, conditions.recorded_at, visits.started_at, conditions._arrived_at
        ) as occurred_at,
        conditions.abatement_at as abated_at,
        conditions.category_code,
        conditions.verification_status,
        conditions._arrived_at,
        {{ left_out({'no person': 'coalesce(links.person_key, visits.person_key) is null'}) }} as left_out
    from conditions
    left join links on conditions.site = links.site and conditions.patient_key = links.reference_key
    left join visits on conditions.site = visits.site and conditions.encounter_key = visits.visit_key
)

select * from final
