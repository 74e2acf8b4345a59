with

source as (
    select * from {{ source('ehr_fhir', 'fhir_device_use_statement') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select *
    from latest
    where not _is_deleted and status not in ('entered-in-error', 'intended')
)

select * from final
