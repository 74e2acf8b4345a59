{#-
    Stays that began before the record system was first sent are in no record: until they have left, a count of stays is
    too low. And a stay that nothing ended for this long was forgotten, not stayed.
-#}
{%- set settling_days = 28 -%}
{%- set longest_open_days = 180 -%}
{%- set is_there = 'stays.entered_at <= shifts.begins_at and stays.gone_at > shifts.begins_at' -%}

with

stays as (
    select
        *,
        coalesce(left_at, entered_at + interval {{ longest_open_days }} day) as gone_at
    from {{ ref('staffing_stay') }}
),

shifts as (
    select * from {{ ref('int_staffing_shift') }}
    where begins_at <= stays_until and not is_silent
),

units as (
    select
        site,
        unit,
        min(entered_at) as opened_at
    from stays
    group by site, unit
),

-- Who is on a unit at a time, nobody among them, is known when a record of a later movement at the site has
-- arrived: the first of those that had. One that is dated after its arrival tells of no time after that.
told as (
    select
        site,
        least(coalesce(left_at, entered_at), known_at) as moved_at,
        min(known_at) over (
            partition by site order by least(coalesce(left_at, entered_at), known_at)
            range between current row and unbounded following
        ) as known_at
    from stays
),

-- A stay on each local day that it touches, and on the eve of the first, whose night shift may reach into it.
on_days as (
    select
        site,
        unit,
        entered_at,
        gone_at,
        is_first,
        is_last,
        triage_level,
        known_at,
        cast(unnest(generate_series(
            {{ local_date('site', 'entered_at') }} - 1,
            {{ local_date('site', 'gone_at') }},
            interval 1 day
        )) as date) as date
    from stays
),

counted as (
    select
        shifts.site,
        stays.unit,
        shifts.date,
        shifts.shift,
        count(*) filter (where {{ is_there }}) as census,
        {%- for level in range(1, 6) %}
            count(*) filter (where {{ is_there }} and stays.triage_level = {{ level }})
                as census_level_{{ level }},
        {%- endfor %}
        count(*) filter (where stays.is_first and stays.entered_at > shifts.begins_at) as arrivals,
        count(*) filter (where not stays.is_first and stays.entered_at > shifts.begins_at) as transfers_in,
        count(*) filter (where not stays.is_last and stays.gone_at <= shifts.ends_at) as transfers_out,
        count(*) filter (where stays.is_last and stays.gone_at <= shifts.ends_at) as discharges,
        max(stays.known_at) as known_at
    from shifts
    inner join on_days as stays
        on
            shifts.site = stays.site
            and shifts.date = stays.date
            and shifts.ends_at >= stays.entered_at
            and shifts.begins_at < stays.gone_at
    group by shifts.site, stays.unit, shifts.date, shifts.shift
),

known as (
    select
        shifts.*,
        told.known_at as told_at
    from shifts
    asof left join told
        on shifts.site = told.site and least(shifts.ends_at, shifts.stays_until) <= told.moved_at
),

final as (
    select
        shifts.site,
        units.unit,
        shifts.date,
        shifts.shift,
        shifts.begins_at >= shifts.stays_from + interval {{ settling_days }} day as is_settled,
        coalesce(counted.census, 0) as census,
        {%- for level in range(1, 6) %}
            coalesce(counted.census_level_{{ level }}, 0) as census_level_{{ level }},
        {%- endfor %}
        {%- for flow in ['arrivals', 'transfers_in', 'transfers_out', 'discharges'] %}
            if(
                shifts.ends_at > shifts.stays_until or shifts.is_silent_at_end,
                null,
                coalesce(counted.{{ flow }}, 0)
            ) as {{ flow }},
        {%- endfor %}
        greatest(counted.known_at, shifts.told_at) as known_at
    from known as shifts
    inner join units on shifts.site = units.site and shifts.ends_at > units.opened_at
    left join counted
        on
            shifts.site = counted.site
            and units.unit = counted.unit
            and shifts.date = counted.date
            and shifts.shift = counted.shift
)

select * from final
