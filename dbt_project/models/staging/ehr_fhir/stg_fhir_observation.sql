with

source as (
    select * from {{ source('ehr_fhir', 'fhir_observation') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select
        * replace ({{ code_system_name('code_system') }} as code_system)
    from latest
    where not _is_deleted and coalesce(status, '') not in ('entered-in-error', 'cancelled')
)

select * from final
