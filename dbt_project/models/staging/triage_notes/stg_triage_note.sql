with

source as (
    select * from {{ source('triage_notes', 'triage_note') }}
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
