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

-- A night shift's small hours belong to the day on which it began.
placed as (
    select
        bookings.*,
        coalesce(named.shift, 'all') as shift,
        cast(bookings.starts_local as date) - case
            when named.ends <= named.starts and cast(bookings.starts_local as time) < named.ends then 1 else 0
        end as date
    from bookings
    left join named
        on
            bookings.site = named.site
            and case
                when named.starts < named.ends
                    then
                        cast(bookings.starts_local as time) >= named.starts
                        and cast(bookings.starts_local as time) < named.ends
                else
                    cast(bookings.starts_local as time) >= named.starts
                    or cast(bookings.starts_local as time) < named.ends
            end
    where bookings.unit is not null
    qualify row_number() over (partition by bookings.booking_id order by named.starts) = 1
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
        shift,
        {%- for lead in range(1, leads + 1) %}
            count(*) filter (
                where lead_days = {{ lead }} and booked_at < cut_at
                and (withdrawn_at is null or withdrawn_at >= cut_at)
            ) as booked_{{ lead }}d,
        {%- endfor %}
        count(distinct booking_id) filter (where withdrawn_at is null) as booked_admissions,
        max(known_at) as known_at
    from known
    group by site, unit, date, shift
)

select * from final
