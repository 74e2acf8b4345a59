{{ config(materialized = 'ephemeral') }}

with

drugs as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_drug') }}
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
        {{ record_id('drugs.site', 'drugs.feed', 'drugs.drug_key') }} as drug_exposure_id,
        {{ person_id('drugs.site', 'drugs.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(concepts.concept_id, 0) as drug_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        drugs.*
    from drugs
    left join visits on drugs.site = visits.site and drugs.visit_key = visits.visit_key
    left join concepts
        on
            concepts.domain = 'drug' and drugs.code_system = concepts.system
            and drugs.code = concepts.code
    left join concepts as types
        on types.domain = 'type' and coalesce(drugs.kind, drugs.feed) = types.code
)

select * from final
