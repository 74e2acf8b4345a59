with

source as (
    select * from {{ source('synthea_csv', 'synthea_encounter') }}
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
