with

procedures as (
    select * from {{ ref('stg_fhir_procedure') }}
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

linked as (
    select
        procedures.site,
        'fhir_procedure' as lake_table,
        procedures.procedure_key,
        procedures.encounter_key as visit_key,
        coalesce(links.person_key, visits.person_key) as person_key,
        coalesce(people.provider_key, roles.provider_key) as provider_key,
        procedures.code_system,
        procedures.code,
        procedures.started_at,
        procedures.ended_at,
        procedures.device_key,
        procedures._arrived_at
    from procedures
    left join links on procedures.site = links.site and procedures.patient_key = links.reference_key
    left join visits on procedures.site = visits.site and procedures.encounter_key = visits.visit_key
    left join providers as people
        on procedures.site = people.site and procedures.performer_key = people.reference_key
    left join providers as roles
        on procedures.site = roles.site and procedures.performer_role_key = roles.reference_key
),

final as (
    select
        *,
        {{ left_out({'no person': 'person_key is null', 'no date': 'started_at is null'}) }} as left_out
    from linked
)

select * from final
