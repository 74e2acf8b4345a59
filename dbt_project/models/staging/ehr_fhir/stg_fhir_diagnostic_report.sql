with

source as (
    select * from {{ source('ehr_fhir', 'fhir_diagnostic_report') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select
        * replace ({{ record_code_system('code_system') }} as code_system)
    from latest
    where not _is_deleted and status not in ('entered-in-error', 'cancelled', 'registered')
)

select * from final
