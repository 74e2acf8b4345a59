{{ config(materialized = 'table') }}

with

counts as (
    select
        site,
        unit_code as unit,
        coalesce(stream_code, '') as stream,
        period,
        {{ local_date('site', 'begins_at') }} as day,
        arrivals,
        _arrived_at
    from {{ ref('stg_demand_count') }}
),

-- Who tells a day's count tells of the same people as the single arrivals of that day: the count holds.
counted as (
    select * from counts
    qualify period != 'event' or not bool_or(period = 'day') over (partition by site, unit, stream, day)
),

told as (
    select
        site,
        unit,
        stream,
        if(period = 'month', 'month', 'day') as period,
        if(period = 'month', cast(date_trunc('month', day) as date), day) as date,
        sum(arrivals) as arrivals,
        max(_arrived_at) as known_at
    from counted
    group by all
),

-- Who tells single arrivals tells of none by silence: on a day on which others arrived at the site, a stream
-- that had begun and had not ended had none. A day on which nobody arrived at all is not known.
streams as (
    select
        site,
        unit,
        stream,
        min(day) as first_day,
        max(day) as last_day
    from counts
    where period = 'event'
    group by site, unit, stream
),

open_days as (
    select
        site,
        day as date,
        max(_arrived_at) as known_at
    from counts
    where period = 'event'
    group by site, day
),

silent as (
    select
        streams.site,
        streams.unit,
        streams.stream,
        'day' as period,
        open_days.date,
        0 as arrivals,
        open_days.known_at
    from streams
    inner join open_days
        on streams.site = open_days.site and open_days.date between streams.first_day and streams.last_day
    anti join told
        on
            streams.site = told.site
            and streams.unit = told.unit
            and streams.stream = told.stream
            and open_days.date = told.date
            and told.period = 'day'
),

every as (
    select * from told
    union all by name
    select * from silent
),

final as (
    select
        site,
        unit,
        stream,
        period,
        date,
        cast(arrivals as double) as arrivals,
        known_at
    from every
)

select * from final
