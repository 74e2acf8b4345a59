with

source as (
    select * from {{ source('hl7v2', 'hl7v2_adt') }}
),

latest as (
    {{ latest_version('source') }}
),

final as (
    select *
    from latest
    where not _is_deleted and not {{ is_practice_message() }}
)

select * from final
