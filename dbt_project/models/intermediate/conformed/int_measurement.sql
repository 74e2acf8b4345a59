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
    union all by name
    select
        * exclude (lake_table, left_out),
        'hl7v2' as feed
    from {{ ref('int_hl7_result') }}
    where is_measurement and left_out is null
    union all by name
    select
        * exclude (lake_table),
        'synthea_csv' as feed
    from {{ ref('int_synthea_finding') }}
    where is_measurement
),

visits as (
    select
        site,
        visit_key,
        person_key,
        visit_occurrence_id
    from {{ ref('int_visit') }}
),

coded as (
    select
        {{ target_columns('concepts', 'measurements', 'event_key', 'measurement') }},
        {{ person_id('measurements.site', 'measurements.person_key') }} as person_id,
        visits.visit_occurrence_id,
        case when measurements.unit_code is not null then coalesce({{ concept_in('units', 'Unit') }}, 0) end
            as unit_concept_id,
        case when measurements.unit_code is not null then coalesce(units.source_concept_id, 0) end
            as unit_source_concept_id,
        coalesce(nullif(answers.concept_id, 0), concepts.value_concept_id) as value_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        measurements.*
    from measurements
    {{ join_own_visit('measurements') }}
    {{ join_targets('concepts', 'measurements.code_system', 'measurements.code', 'measurements.site') }}
    {{ join_concept('units', "'UCUM'", 'measurements.unit_code', 'measurements.site') }}
    {{ join_concept(
        'answers', code_system_name('measurements.value_code_system'), 'measurements.value_code', 'measurements.site'
    ) }}
    {{ join_concept('types', "'feed'", 'measurements.feed') }}
    where measurements.person_key is not null
),

-- The same reading of the same minute, by whoever is believed first.
once as (
    {{ told_once('coded', [
        'person_key', meaning('concept_id', 'code_system', 'code'), "date_trunc('minute', occurred_at)",
    ]) }}
),

final as (
    select * from once
)

select * from final
