with

visits as (
    select * from {{ ref('int_fhir_visit') }}
    union all by name
    select * from {{ ref('int_nhamcs_visit') }}
),

concepts as (
    select * from {{ ref('concept_map') }}
),

final as (
    select
        {{ visit_id('visits.site', 'visits.visit_key') }} as visit_occurrence_id,
        {{ person_id('visits.site', 'visits.person_key') }} as person_id,
        case
            when visits.starts_in_emergency and visits.is_admitted and not visits.is_transferred then 262
            when visits.starts_in_emergency then 9203
            else coalesce(classes.concept_id, 0)
        end as visit_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        coalesce(discharges.concept_id, 0) as discharged_to_concept_id,
        visits.*
    from visits
    left join concepts as classes
        on
            classes.domain = 'visit'
            and visits.class_system = classes.system
            and visits.class_code = classes.code
    left join concepts as types
        on types.domain = 'type' and visits.feed = types.code
    left join concepts as discharges
        on
            discharges.domain = 'discharge' and visits.discharged_to_system = discharges.system
            and visits.discharged_to_code = discharges.code
)

select * from final
