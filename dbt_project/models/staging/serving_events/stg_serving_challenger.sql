with

source as (
    select * from {{ source('serving_events', 'serving_event') }}
),

latest as (
    {{ latest_version('source') }}
),

final as (
    select *
    from latest
    where
        not _is_deleted
        and kind = 'challenger'
)

select * from final
