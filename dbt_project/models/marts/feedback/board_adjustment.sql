{{ config(materialized='table') }}

with

adjustments as (
    select * from {{ ref('stg_board_adjustment') }}
),

final as (
    select
        site,
        adjustment_id,
        adjustments.at as made_at,
        use_case,
        unit,
        shift_date,
        shift_code,
        target,
        advised,
        adjustments.before,
        value,
        value - advised as change,
        reason_code,
        role,
        made_by,
        stage,
        tier,
        release_digest,
        plan_digest,
        row_number() over (
            partition by site, use_case, unit, shift_date, shift_code, target
            order by adjustments.at desc, adjustment_id desc
        ) = 1 as is_last
    from adjustments
)

select * from final
