with

source as (
    select * from {{ source('ehr_fhir', 'fhir_encounter') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select
        * replace ({{ code_system_name('reason_system') }} as reason_system)
    from latest
    where not _is_deleted and status not in ('entered-in-error', 'cancelled', 'planned')
)

select * from final
