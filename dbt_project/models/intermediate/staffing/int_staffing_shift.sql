{#- A site that moves this many stays a day is never without one: a day with none was not sent. -#}
{%- set silent_mean = 10 -%}

with

stays as (
    select * from {{ ref('staffing_stay') }}
),

counts as (
    select
        board.site,
        board.at as counted_at
    from {{ ref('stg_unit_census') }} as board
    where board.at is not null and board.unit_code is not null
),

movements as (
    select
        site,
        {{ local_date('site', 'entered_at') }} as day
    from stays
    union all
    select
        site,
        {{ local_date('site', 'left_at') }} as day
    from stays
    where left_at is not null
),

told as (
    select
        site,
        min(entered_at) as stays_from,
        -- Told until the newest movement; one that is dated after its record arrived tells no more than that.
        max(least(coalesce(left_at, entered_at), known_at)) as stays_until
    from stays
    group by site
),

spans as (
    select
        site,
        {{ local_date('site', 'stays_from') }} as first_day,
        {{ local_date('site', 'stays_until') }} as last_day
    from told
    union all
    select
        site,
        min({{ local_date('site', 'counted_at') }}) as first_day,
        max({{ local_date('site', 'counted_at') }}) as last_day
    from counts
    group by site
),

sites as (
    select
        site,
        min(first_day) as first_day,
        max(last_day) as last_day
    from spans
    group by site
),

days as (
    select
        site,
        cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day
    from sites
),

moved as (
    select
        days.site,
        days.day,
        count(movements.day) as movements,
        avg(count(movements.day)) over (partition by days.site) as mean_movements
    from days
    left join movements on days.site = movements.site and days.day = movements.day
    group by days.site, days.day
),

named as (
    {{ site_shifts() }}
),

shifts as (
    select * from named
    union all by name
    select
        site,
        'all' as shift,
        time '00:00' as starts,
        time '00:00' as ends
    from sites
    where site not in (select site from named)
),

judged as (
    select
        site,
        day,
        movements = 0 and mean_movements >= {{ silent_mean }} as is_silent
    from moved
),

final as (
    select
        moved.site,
        moved.day as date,
        shifts.shift,
        {{ shift_begins('moved.site', 'moved.day', 'shifts.starts') }} as begins_at,
        {{ shift_ends('moved.site', 'moved.day', 'shifts.starts', 'shifts.ends') }} as ends_at,
        told.stays_from,
        told.stays_until,
        moved.is_silent,
        coalesce(next_days.is_silent, false) as is_silent_at_end
    from judged as moved
    inner join shifts on moved.site = shifts.site
    left join told on moved.site = told.site
    left join judged as next_days
        on
            moved.site = next_days.site
            and next_days.day = moved.day + 1
            and shifts.ends <= shifts.starts
            and shifts.ends > time '00:00'
)

select * from final
