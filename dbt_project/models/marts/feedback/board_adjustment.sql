{{ config(materialized='table') }}

with

adjustments as (
    select * from {{ ref('stg_board_adjustment') }}
),

final as (
    select
        adjustments.site,
        adjustments.adjustment_id,
        adjustments.at as made_at,
        adjustments.use_case,
        adjustments.unit,
        adjustments.shift_date,
        adjustments.shift_code,
        adjustments.target,
        adjustments.advised,
        adjustments.before as previous,
        adjustments.value as wanted,
        adjustments.value - adjustments.advised as change,
        adjustments.reason_code,
        adjustments.role,
        adjustments.made_by,
        adjustments.stage,
        adjustments.tier,
        adjustments.release_digest,
        adjustments.plan_digest,
        row_number() over (
            partition by
                adjustments.site,
                adjustments.use_case,
                adjustments.unit,
                adjustments.shift_date,
                adjustments.shift_code,
                adjustments.target
            order by adjustments.at desc, adjustments.adjustment_id desc
        ) = 1 as is_last
    from adjustments
)

select * from final
