{{ config(materialized = 'table') }}

with

contracts as (
    select
        site,
        contract_key,
        staff_key,
        unit_code as unit,
        {{ nurse_skill('role_code') }} as skill,
        role_code as role,
        credential_from,
        credential_until,
        weekly_hours,
        minimum_hours,
        maximum_hours,
        valid_from,
        valid_until,
        experience,
        trained_for,
        floats_to,
        _arrived_at as known_at
    from {{ ref('stg_staff_employment') }}
),

final as (
    select *
    from contracts
    where
        valid_from is not null
)

select * from final
