{{ config(materialized = 'table') }}

with

duties as (
    select
        site,
        shift_key,
        staff_key,
        unit_code as unit,
        shift_date as date,
        shift_code as shift,
        {{ nurse_skill('role_code') }} as skill,
        role_code as role,
        status,
        starts_at,
        ends_at,
        epoch(ends_at - starts_at) / 3600 as hours,
        _arrived_at as known_at
    from {{ ref('stg_roster_shift') }}
),

final as (
    select *
    from duties
    where
        unit is not null
        and date is not null
        and shift is not null
        and skill is not null
        and starts_at < ends_at
)

select * from final
