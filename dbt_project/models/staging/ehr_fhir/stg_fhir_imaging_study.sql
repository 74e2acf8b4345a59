with

source as (
    select * from {{ source('ehr_fhir', 'fhir_imaging_study') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select
        * replace ({{ record_code_system('procedure_system') }} as procedure_system)
    from latest
    where not _is_deleted and status not in ('entered-in-error', 'cancelled', 'registered')
)

select * from final
