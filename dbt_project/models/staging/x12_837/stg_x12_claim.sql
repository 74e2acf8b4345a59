with

source as (
    select * from {{ source('x12_837', 'x12_claim') }}
),

latest as (
    {{ latest_version('source') }}
),

final as (
    select *
    from latest
    where not _is_deleted and not coalesce(is_void, false) and not {{ is_for_practice('is_test') }}
)

select * from final
