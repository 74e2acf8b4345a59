{{ config(materialized = 'table') }}

with

wishes as (
    select
        site,
        wish_key,
        staff_key,
        wish_date as date,
        shift_code as shift,
        wants = 'on' as wants_on,
        weight,
        coalesce(wish_status, 'open') as wish_status,
        _arrived_at as known_at
    from {{ ref('stg_staff_wish') }}
),

final as (
    select * exclude (wish_status)
    from wishes
    where
        wish_status = 'open'
)

select * from final
