{{ config(materialized = 'table') }}

with

leaves as (
    select
        site,
        leave_key,
        staff_key,
        first_date,
        last_date,
        leave_kind as kind,
        leave_status,
        _arrived_at as known_at
    from {{ ref('stg_staff_leave') }}
),

final as (
    select * exclude (leave_status)
    from leaves
    where
        leave_status = 'approved'
)

select * from final
