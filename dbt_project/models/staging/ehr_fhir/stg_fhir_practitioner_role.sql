with

source as (
    select * from {{ source('ehr_fhir', 'fhir_practitioner_role') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test() }}
),

final as (
    select
        * replace ({{ record_code_system('specialty_system') }} as specialty_system)
    from latest
    where not _is_deleted
)

select * from final
