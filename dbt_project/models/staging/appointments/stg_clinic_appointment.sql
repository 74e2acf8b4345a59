with

source as (
    select * from {{ source('appointments', 'clinic_appointment') }}
),

latest as (
    {{ latest_version('source') }}
),

final as (
    select *
    from latest
    where not _is_deleted and status is distinct from 'entered_in_error'
)

select * from final
