with

source as (
    select * from {{ source('leave', 'staff_leave') }}
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
