{{ config(materialized = 'ephemeral') }}

with

procedures as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_procedure') }}
    where left_out is null
),

visits as (
    select
        site,
        visit_key,
        visit_occurrence_id
    from {{ ref('int_visit') }}
),

concepts as (
    select * from {{ ref('concept_map') }}
),

final as (
    select
        {{ record_id('procedures.site', 'procedures.feed', 'procedures.procedure_key') }}
            as procedure_occurrence_id,
        {{ person_id('procedures.site', 'procedures.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(concepts.concept_id, 0) as procedure_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        procedures.*
    from procedures
    left join visits on procedures.site = visits.site and procedures.visit_key = visits.visit_key
    left join concepts
        on
            concepts.domain = 'procedure' and procedures.code_system = concepts.system
            and procedures.code = concepts.code
    left join concepts as types
        on types.domain = 'type' and procedures.feed = types.code
)

select * from final
