with

series as (
    select * from {{ ref('int_dicom_series') }}
),

studies as (
    select * from {{ ref('int_dicom_study') }}
),

final as (
    select
        series.site,
        series.series_key,
        {{ natural_key(['series.series_key', 'series.person_key']) }} as event_key,
        series.visit_key,
        series.person_key,
        'DICOM' as code_system,
        'Modality' as code,
        cast(series.instance_count as double) as value_number,
        series.modality as value_code,
        'DICOM' as value_code_system,
        concat_ws(' ', series.body_part, series.laterality) as qualifier,
        coalesce(studies.reported_procedure_key, studies.procedure_key) as procedure_key,
        case when studies.reported_procedure_key is null then 'dicom' else 'ehr_fhir' end as procedure_feed,
        series.occurred_at as effective_at,
        series.occurred_at,
        series._arrived_at,
        {{ left_out({'no person': 'series.person_key is null', 'no date': 'series.occurred_at is null'}) }}
            as left_out
    from series
    inner join studies
        on
            series.site = studies.site and series.study_key = studies.study_key
            and series.person_key is not distinct from studies.person_key
)

select * from final
