{{ config(materialized = 'table') }}

with

counts as (
    select
        board.site,
        board.census_key,
        board.unit_code as unit,
        board.at as counted_at,
        cast(board.isolation as integer) as beds,
        board._arrived_at as known_at
    from {{ ref('stg_unit_census') }} as board
),

final as (
    select *
    from counts
    where
        beds is not null
        and counted_at is not null
)

select * from final
