with

source as (
    select * from {{ source('note_text', 'note_text') }}
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
