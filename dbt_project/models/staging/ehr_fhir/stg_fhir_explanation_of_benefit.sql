with

source as (
    select * from {{ source('ehr_fhir', 'fhir_explanation_of_benefit') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test('patient_key') }}
),

final as (
    select *
    from latest
    where
        not _is_deleted
        and status not in ('entered-in-error', 'cancelled', 'draft')
        and use is not distinct from 'claim'
        and outcome is distinct from 'queued'
        and outcome is distinct from 'error'
)

select * from final
