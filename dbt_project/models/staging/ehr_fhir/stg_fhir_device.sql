with

source as (
    select * from {{ source('ehr_fhir', 'fhir_device') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select
        * replace ({{ record_code_system('code_system') }} as code_system)
    from latest
    where not _is_deleted and status is distinct from 'entered-in-error'
)

select * from final
