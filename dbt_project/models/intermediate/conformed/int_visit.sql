with

messages as (
    select * exclude (left_out) from {{ ref('int_hl7_visit') }}
    where left_out is null
),

claims as (
    select * from {{ ref('int_x12_visit') }}
),

-- The record system's word stands; what it leaves open, messages fill in.
encounters as (
    select
        encounters.* replace (
            coalesce(encounters.ended_at, messages.ended_at) as ended_at,
            encounters.is_ended or messages.ended_at is not null as is_ended,
            case
                when encounters.discharged_to_code is null then messages.discharged_to_system
                else encounters.discharged_to_system
            end as discharged_to_system,
            coalesce(encounters.discharged_to_code, messages.discharged_to_code) as discharged_to_code,
            coalesce(encounters.admitted_from_code, messages.admitted_from_code) as admitted_from_code
        )
    from {{ ref('int_fhir_visit') }} as encounters
    left join messages on encounters.site = messages.site and encounters.visit_key = messages.visit_key
),

told as (
    select messages.*
    from messages
    anti join encounters on messages.site = encounters.site and messages.visit_key = encounters.visit_key
),

-- A claim alone makes a visit where nobody else tells of it.
billed as (
    select claims.*
    from claims
    anti join encounters on claims.site = encounters.site and claims.visit_key = encounters.visit_key
    anti join told on claims.site = told.site and claims.visit_key = told.visit_key
),

visits as (
    select * from encounters
    union all by name
    select * from {{ ref('int_nhamcs_visit') }}
    union all by name
    select * from told
    union all by name
    select * from billed
    union all by name
    select * from {{ ref('int_synthea_visit') }}
),

final as (
    select
        {{ visit_id('visits.site', 'visits.visit_key') }} as visit_occurrence_id,
        {{ person_id('visits.site', 'visits.person_key') }} as person_id,
        case
            when visits.starts_in_emergency and visits.is_admitted and not visits.is_transferred then 262
            when visits.starts_in_emergency then 9203
            else coalesce({{ concept_in('classes', 'Visit') }}, 0)
        end as visit_concept_id,
        coalesce(classes.source_concept_id, 0) as class_source_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        coalesce({{ concept_in('discharges', 'Visit') }}, 0) as discharged_to_concept_id,
        visits.*
    from visits
    {{ join_concept('classes', 'visits.class_system', 'visits.class_code', 'visits.site') }}
    {{ join_concept('types', "'feed'", 'visits.feed') }}
    {{ join_concept(
        'discharges', 'visits.discharged_to_system', 'visits.discharged_to_code', 'visits.site'
    ) }}
)

select * from final
