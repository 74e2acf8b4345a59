with

observations as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_event') }}
    where not is_measurement
    union all by name
    select
        * exclude (lake_table, left_out),
        'ehr_fhir' as feed
    from {{ ref('int_fhir_finding') }}
    where left_out is null
    union all by name
    select
        *,
        effective_at as occurred_at,
        'nhamcs_ed' as feed
    from {{ ref('int_nhamcs_observation') }}
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
        {{ hash63(['observations.site', 'observations.feed', 'observations.event_key']) }} as observation_id,
        {{ person_id('observations.site', 'observations.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(concepts.concept_id, 0) as observation_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        observations.*
    from observations
    left join visits on observations.site = visits.site and observations.visit_key = visits.visit_key
    left join concepts
        on
            concepts.domain = 'observation' and observations.code_system = concepts.system
            and observations.code = concepts.code
    left join concepts as types
        on types.domain = 'type' and observations.feed = types.code
    where observations.person_key is not null
)

select * from final
