{#- How many days ahead bookings are counted: as many as a forecast looks, and two for late data. -#}
{%- set leads = 9 -%}

with

bookings as (
    select
        *,
        {{ admitting_unit('site', 'clinic_code') }} as unit,
        {{ local_time('site', 'starts_at') }} as starts_local
    from {{ ref('staffing_booking') }}
),

named as (
    {{ site_shifts() }}
),

-- By each shift that its site names: how long before its start the booking is, and whether it lies inside.
tried as (
    select
        bookings.*,
        cast(bookings.starts_local as date) as day,
        named.shift,
        named.starts,
        named.starts <= cast(bookings.starts_local as time) as has_begun,
        case
            when named.starts < named.ends then has_begun and cast(bookings.starts_local as time) < named.ends
            else has_begun or cast(bookings.starts_local as time) < named.ends
        end as is_inside
    from bookings
    left join named on bookings.site = named.site
    where bookings.unit is not null
),

-- Inside a shift it is that one's, and a night's small hours are of the day on which it began. Between two it
-- is the next one's, and where a site names none, the whole day's.
placed as (
    select
        *,
        coalesce(shift, 'all') as placed_shift,
        day + case
            when is_inside and not has_begun then -1
            when not is_inside and has_begun then 1
            else 0
        end as date
    from tried
    qualify row_number() over (
        partition by booking_id
        order by is_inside desc, case when not is_inside then has_begun end asc, starts asc
    ) = 1
),

leads as (
    select cast(unnest(range(1, {{ leads + 1 }})) as integer) as lead_days
),

-- On the books at the end of the day that lies so many days before the shift's.
known as (
    select
        placed.*,
        leads.lead_days,
        {{ local_time('placed.site', 'cast(placed.date - leads.lead_days + 1 as timestamp)') }} as cut_at
    from placed
    cross join leads
),

final as (
    select
        site,
        unit,
        date,
        placed_shift as shift,
        {%- for lead in range(1, leads + 1) %}
            count(*) filter (
                where lead_days = {{ lead }} and booked_at < cut_at
                and (withdrawn_at is null or withdrawn_at >= cut_at)
            ) as booked_{{ lead }}d,
        {%- endfor %}
        count(distinct booking_id) filter (where withdrawn_at is null) as booked_admissions,
        max(known_at) as known_at
    from known
    group by site, unit, date, placed_shift
)

select * from final
