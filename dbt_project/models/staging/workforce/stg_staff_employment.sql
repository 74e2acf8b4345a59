with

source as (
    select * from {{ source('workforce', 'staff_employment') }}
),

latest as (
    {{ latest_version('source') }}
),

final as (
    select *
    from latest
    where not _is_deleted
)

select * from final
