{{ config(materialized = 'table') }}

with

staffing as (
    select * from {{ ref('stg_unit_staffing') }}
),

final as (
    select
        site,
        unit_code as unit,
        work_date as date,
        shift_code as shift,
        cast(census as integer) as census,
        cast(rn_hours as double) as rn_hours,
        cast(lpn_hours as double) as lpn_hours,
        cast(aide_hours as double) as aide_hours,
        _arrived_at as known_at
    from staffing
)

select * from final
