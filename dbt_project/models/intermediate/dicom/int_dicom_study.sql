with

series as (
    select * from {{ ref('int_dicom_series') }}
),

-- The record system's own study may name the procedure: then that is the one.
reported as (
    select
        studies.site,
        studies.study_key,
        min(studies.procedure_key) as procedure_key
    from {{ ref('stg_fhir_imaging_study') }} as studies
    inner join {{ ref('int_fhir_procedure') }} as procedures
        on studies.site = procedures.site and studies.procedure_key = procedures.procedure_key
    where procedures.left_out is null
    group by studies.site, studies.study_key
),

studies as (
    select
        series.site,
        series.study_key,
        series.person_key,
        {{ natural_key(['series.study_key', 'series.person_key']) }} as procedure_key,
        min(series.visit_key) as visit_key,
        any_value(reported.procedure_key) as reported_procedure_key,
        arg_min(
            series.modality,
            (series.modality in ('SR', 'PR', 'KO', 'DOC', 'OT'), series.occurred_at, series.modality)
        )
            as modality,
        min(series.procedure_code) as procedure_code,
        min(series.procedure_system) as procedure_system,
        min(series.occurred_at) as started_at,
        max(series._arrived_at) as _arrived_at
    from series
    left join reported on series.site = reported.site and series.study_key = reported.study_key
    group by series.site, series.study_key, series.person_key
),

final as (
    select
        site,
        study_key,
        procedure_key,
        visit_key,
        person_key,
        reported_procedure_key,
        -- What was asked for says more than the kind of machine.
        case when procedure_code is not null then procedure_system else 'DICOM modality' end as code_system,
        coalesce(procedure_code, modality) as code,
        started_at,
        _arrived_at,
        {{ left_out({
            'no person': 'person_key is null',
            'no date': 'started_at is null',
            'told by the record system': 'reported_procedure_key is not null',
        }) }} as left_out
    from studies
)

select * from final
