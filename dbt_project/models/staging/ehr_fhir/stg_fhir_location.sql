with

source as (
    select * from {{ source('ehr_fhir', 'fhir_location') }}
),

latest as (
    {{ latest_version('source') }}
    {{ where_not_for_test() }}
),

final as (
    select *
    from latest
    where not _is_deleted
)

select * from final
