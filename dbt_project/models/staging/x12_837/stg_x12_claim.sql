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
    where not _is_deleted and not coalesce(is_void, false)
)

select * from final
