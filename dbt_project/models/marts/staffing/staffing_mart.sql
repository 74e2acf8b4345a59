{{ config(materialized = 'table') }}
{%- set sources = ['office', 'flows', 'board', 'roster', 'booked'] -%}

with

office as (
    select
        site,
        unit_code as unit,
        work_date as date,
        shift_code as shift,
        census,
        rn_hours,
        lpn_hours,
        aide_hours,
        _arrived_at as known_at
    from {{ ref('stg_unit_staffing') }}
),

flows as (
    select * from {{ ref('int_staffing_flow') }}
),

board as (
    select * from {{ ref('int_staffing_board') }}
),

roster as (
    select * from {{ ref('int_staffing_roster') }}
),

booked as (
    select * from {{ ref('int_staffing_booked') }}
),

keys as (
    {%- for source in sources %}
        select
            site,
            unit,
            date,
            shift
        from {{ source }}
        {{ 'union' if not loop.last }}
    {%- endfor %}
),

joined as (
    select
        keys.*,
        flows.* exclude (site, unit, date, shift, census, known_at),
        booked.* exclude (site, unit, date, shift, known_at),
        board.staffed_beds,
        roster.* exclude (site, unit, date, shift, known_at, rn_hours, lpn_hours, aide_hours),
        case when flows.is_settled then flows.census end as census_of_stays,
        board.census as census_of_board,
        office.census as census_of_office,
        office.known_at is not null as is_of_office,
        {%- for skill in ['rn', 'lpn', 'aide'] %}
            if(office.known_at is null, roster.{{ skill }}_hours, office.{{ skill }}_hours)
                as {{ skill }}_hours,
        {%- endfor %}
        coalesce(roster.rn_hours, roster.lpn_hours, roster.aide_hours) is not null as is_worked_by_roster,
        case
            when office.known_at is not null then greatest(office.known_at, board.known_at)
            else greatest(roster.known_at, coalesce(board.known_at, flows.known_at, booked.known_at))
        end as known_at
    from
        keys
    {%- for source in sources %}
    left join {{ source }}
        on
            keys.site = {{ source }}.site
            and keys.unit = {{ source }}.unit
            and keys.date = {{ source }}.date
            and keys.shift = {{ source }}.shift
    {%- endfor %}
),

final as (
    select
        site,
        unit,
        date,
        shift,
        cast(coalesce(census_of_stays, census_of_board, census_of_office) as integer) as census,
        case
            when census_of_stays is not null then 'stays'
            when census_of_board is not null then 'bed board'
            when census_of_office is not null then 'staffing office'
        end as census_source,
        cast(census_of_stays as integer) as census_of_stays,
        cast(census_of_board as integer) as census_of_board,
        {%- for level in range(1, 6) %}
            cast(if(census_of_stays is null, null, census_level_{{ level }}) as integer)
                as census_level_{{ level }},
        {%- endfor %}
        cast(arrivals as integer) as arrivals,
        cast(transfers_in as integer) as transfers_in,
        cast(transfers_out as integer) as transfers_out,
        cast(discharges as integer) as discharges,
        cast(staffed_beds as integer) as staffed_beds,
        cast(rn_hours as double) as rn_hours,
        cast(lpn_hours as double) as lpn_hours,
        cast(aide_hours as double) as aide_hours,
        case when is_of_office then 'staffing office' when is_worked_by_roster then 'roster' end
            as hours_source,
        cast(rostered_rn_hours as double) as rostered_rn_hours,
        cast(rostered_lpn_hours as double) as rostered_lpn_hours,
        cast(rostered_aide_hours as double) as rostered_aide_hours,
        cast(booked_admissions as integer) as booked_admissions,
        {%- for lead in range(1, 10) %}
            cast(booked_{{ lead }}d as integer) as booked_{{ lead }}d,
        {%- endfor %}
        known_at
    from joined
)

select * from final
