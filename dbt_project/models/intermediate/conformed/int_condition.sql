with

conditions as (
    select
        * exclude (lake_table, left_out),
        'ehr_fhir' as feed
    from {{ ref('int_fhir_condition') }}
    where left_out is null
    union all by name
    select
        *,
        onset_at as occurred_at,
        'nhamcs_ed' as feed
    from {{ ref('int_nhamcs_condition') }}
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
        {{ hash63(['conditions.site', 'conditions.feed', 'conditions.condition_key']) }}
            as condition_occurrence_id,
        {{ person_id('conditions.site', 'conditions.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(concepts.concept_id, 0) as condition_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        conditions.*
    from conditions
    left join visits on conditions.site = visits.site and conditions.visit_key = visits.visit_key
    left join concepts
        on
            concepts.domain = 'condition' and conditions.code_system = concepts.system
            and conditions.code = concepts.code
    left join concepts as types
        on types.domain = 'type' and conditions.feed = types.code
    where conditions.person_key is not null
)

select * from final
