with

source as (
    select * from {{ source('ehr_fhir', 'fhir_encounter') }}
),

latest as (
    {{ latest_version('source') }}
),

final as (
    select
        * replace ({{ code_system_name('reason_system') }} as reason_system)
    from latest
    where not _is_deleted and status is distinct from 'entered-in-error'
)

select * from final
