with

source as (
    select * from {{ source('ehr_fhir', 'fhir_appointment') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('participants.patient_key') }}
),

final as (
    select *
    from latest
    where not _is_deleted and status is distinct from 'entered-in-error'
)

select * from final
