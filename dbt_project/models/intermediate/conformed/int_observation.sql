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
    union all by name
    select
        * exclude (lake_table, left_out),
        'hl7v2' as feed
    from {{ ref('int_hl7_result') }}
    where not is_measurement and left_out is null
    union all by name
    select
        * exclude (left_out, series_key),
        'dicom' as feed
    from {{ ref('int_dicom_finding') }}
    where left_out is null
    union all by name
    select
        * exclude (lake_table, left_out),
        'synthea_csv' as feed
    from {{ ref('int_synthea_observation') }}
    where left_out is null
    union all by name
    select
        * exclude (lake_table),
        'synthea_csv' as feed
    from {{ ref('int_synthea_finding') }}
    where not is_measurement
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
        {{ target_columns('concepts', 'observations', 'event_key', 'observation') }},
        {{ person_id('observations.site', 'observations.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(nullif(answers.concept_id, 0), concepts.value_concept_id) as value_concept_id,
        case when observations.unit_code is not null then coalesce({{ concept_in('units', 'Unit') }}, 0) end
            as unit_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        observations.*
    from observations
    {{ join_own_visit('observations') }}
    {{ join_targets('concepts', 'observations.code_system', 'observations.code', 'observations.site') }}
    {{ join_concept(
        'answers', code_system_name('observations.value_code_system'), 'observations.value_code', 'observations.site'
    ) }}
    {{ join_concept('units', "'UCUM'", 'observations.unit_code', 'observations.site') }}
    {{ join_concept('types', "'feed'", 'observations.feed') }}
    where observations.person_key is not null
),

-- The same finding of the same minute, by whoever is believed first.
once as (
    {{ told_once('coded', [
        'person_key', meaning('concept_id', 'code_system', 'code'), "date_trunc('minute', occurred_at)",
    ]) }}
),

final as (
    select * from once
)

select * from final
