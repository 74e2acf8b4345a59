{{ config(materialized = 'ephemeral') }}

with

uses as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_device_use') }}
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
        {{ record_id('uses.site', 'uses.feed', 'uses.use_key') }} as device_exposure_id,
        {{ person_id('uses.site', 'uses.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(concepts.concept_id, 0) as device_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        uses.*
    from uses
    left join visits on uses.site = visits.site and uses.visit_key = visits.visit_key
    left join concepts
        on
            concepts.domain = 'device' and uses.code_system = concepts.system
            and uses.code = concepts.code
    left join concepts as types
        on types.domain = 'type' and uses.feed = types.code
)

select * from final
