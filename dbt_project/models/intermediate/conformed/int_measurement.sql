with

measurements as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_event') }}
    where is_measurement
    union all by name
    select
        *,
        effective_at as occurred_at,
        'nhamcs_ed' as feed
    from {{ ref('int_nhamcs_measurement') }}
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
        {{ hash63(['measurements.site', 'measurements.feed', 'measurements.event_key']) }} as measurement_id,
        {{ person_id('measurements.site', 'measurements.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(concepts.concept_id, 0) as measurement_concept_id,
        case when measurements.unit_code is not null then coalesce(units.concept_id, 0) end
            as unit_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        measurements.*
    from measurements
    left join visits on measurements.site = visits.site and measurements.visit_key = visits.visit_key
    left join concepts
        on
            concepts.domain = 'measurement' and measurements.code_system = concepts.system
            and measurements.code = concepts.code
    left join concepts as units
        on units.domain = 'unit' and measurements.unit_code = units.code
    left join concepts as types
        on types.domain = 'type' and measurements.feed = types.code
    where measurements.person_key is not null
)

select * from final
