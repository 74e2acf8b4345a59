with

source as (
    select * from {{ source('ehr_fhir', 'fhir_condition') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select
        * replace ({{ code_system_name('code_system') }} as code_system)
    from latest
    where
        not _is_deleted
        and verification_status is distinct from 'entered-in-error'
        and verification_status is distinct from 'refuted'
)

select * from final
