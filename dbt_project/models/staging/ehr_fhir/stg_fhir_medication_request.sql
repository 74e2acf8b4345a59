with

source as (
    select * from {{ source('ehr_fhir', 'fhir_medication_request') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select
        * replace (
            {{ record_code_system('code_system') }} as code_system,
            {{ record_code_system('route_system') }} as route_system,
            {{ record_code_system('reason_system') }} as reason_system
        )
    from latest
    where
        not _is_deleted
        and status not in ('entered-in-error', 'cancelled', 'draft')
        and intent not in ('proposal', 'plan', 'option')
        and not coalesce(is_prohibition, false)
)

select * from final
