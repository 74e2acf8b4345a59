with

source as (
    select * from {{ source('board_adjustments', 'board_adjustment') }}
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
