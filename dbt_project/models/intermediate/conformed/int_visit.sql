with

visits as (
    select * from {{ ref('int_fhir_visit') }}
    union all by name
    select * from {{ ref('int_nhamcs_visit') }}
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
    {{ join_concept('classes', 'visits.class_system', 'visits.class_code') }}
    {{ join_concept('types', "'feed'", 'visits.feed') }}
    {{ join_concept('discharges', 'visits.discharged_to_system', 'visits.discharged_to_code') }}
)

select * from final
