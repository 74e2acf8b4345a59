with

source as (
    select * from {{ source('serving_feedback', 'serving_feedback') }}
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
