with

events as (
    select * from {{ ref('int_fhir_value') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

visits as (
    select * from {{ ref('int_fhir_visit') }}
),

final as (
    select
        events.site,
        events.encounter_key as visit_key,
        coalesce(links.person_key, visits.person_key) as person_key,
        events.observation_key,
        events.event_key,
        events.code_system,
        events.code,
        events.value_number,
        events.value_comparator,
        events.value_unit as unit_code,
        events.value_text,
        events.value_code,
        events.value_code_system,
        events.issued_at,
        coalesce(events.effective_at, events.issued_at) as effective_at,
        coalesce(events.effective_at, events.issued_at, visits.started_at, events._arrived_at) as occurred_at,
        coalesce(
            case domains.domain_id when 'Measurement' then true when 'Observation' then false end,
            events.category_code in ('vital-signs', 'laboratory') or events.value_number is not null,
            false
        ) as is_measurement,
        events._arrived_at
    from events
    left join links on events.site = links.site and events.patient_key = links.reference_key
    left join visits on events.site = visits.site and events.encounter_key = visits.visit_key
    {{ join_concept('domains', 'events.code_system', 'events.code', 'events.site') }}
)

select * from final
