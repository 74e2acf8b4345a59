{#- A count of the bed board stands for the shift that begins within this time after it. -#}
{%- set oldest_minutes = 60 -%}

with

shifts as (
    select * from {{ ref('int_staffing_shift') }}
),

counts as (
    select
        board.site,
        board.unit_code as unit,
        board.at as counted_at,
        board.occupied,
        board.staffed_beds,
        board._arrived_at
    from {{ ref('stg_unit_census') }} as board
    where board.at is not null and board.unit_code is not null
),

units as (
    select distinct
        site,
        unit
    from counts
),

wanted as (
    select
        shifts.site,
        units.unit,
        shifts.date,
        shifts.shift,
        shifts.begins_at
    from shifts
    inner join units on shifts.site = units.site
),

final as (
    select
        wanted.site,
        wanted.unit,
        wanted.date,
        wanted.shift,
        cast(counts.occupied as integer) as census,
        cast(counts.staffed_beds as integer) as staffed_beds,
        counts._arrived_at as known_at
    from wanted
    asof inner join counts
        on
            wanted.site = counts.site
            and wanted.unit = counts.unit
            and wanted.begins_at >= counts.counted_at
    where wanted.begins_at - counts.counted_at <= interval {{ oldest_minutes }} minute
)

select * from final
