with

procedures as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_procedure') }}
    where left_out is null
    union all by name
    select
        *,
        'dicom' as feed
    from {{ ref('int_dicom_study') }}
    where left_out is null
    union all by name
    select
        *,
        'x12_837' as feed
    from {{ ref('int_x12_procedure') }}
    union all by name
    select
        *,
        'synthea_csv' as feed
    from {{ ref('int_synthea_procedure') }}
    where left_out is null
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
        {{ target_columns('concepts', 'procedures', 'procedure_key', 'procedure_occurrence') }},
        {{ person_id('procedures.site', 'procedures.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        procedures.*
    from procedures
    {{ join_own_visit('procedures') }}
    {{ join_targets('concepts', 'procedures.code_system', 'procedures.code', 'procedures.site') }}
    {{ join_concept('types', "'feed'", 'procedures.feed') }}
),

-- The same procedure of the same day, by whoever is believed first.
once as (
    {{ told_once('coded', [
        'person_key', meaning('concept_id', 'code_system', 'code'), local_date('site', 'started_at'),
    ]) }}
),

final as (
    select * from once
)

select * from final
