with

encounters as (
    select * from {{ ref('int_fhir_visit_detail') }}
),

-- Where the record system lists the units of a stay, messages would list them a second time.
messages as (
    select messages.*
    from {{ ref('int_hl7_visit_detail') }} as messages
    anti join encounters on messages.site = encounters.site and messages.visit_key = encounters.visit_key
),

details as (
    select * from encounters
    union all by name
    select * from messages
    union all by name
    select * from {{ ref('int_nhamcs_visit_detail') }}
),

visits as (
    select
        site,
        visit_key,
        visit_occurrence_id,
        person_id,
        type_concept_id,
        started_at
    from {{ ref('int_visit') }}
),

final as (
    select
        {{ hash63(['details.site', 'details.visit_key', 'details.detail_key']) }} as visit_detail_id,
        visits.visit_occurrence_id,
        visits.person_id,
        visits.type_concept_id,
        coalesce({{ concept_in('concepts', 'Visit') }}, 0) as visit_detail_concept_id,
        details.* replace (coalesce(details.started_at, visits.started_at) as started_at)
    from details
    inner join visits on details.site = visits.site and details.visit_key = visits.visit_key
    {{ join_concept('concepts', 'details.unit_system', 'details.unit_code', 'details.site') }}
)

select * from final
