-- Who was there, came, left, is there: the census of a shift that begins when another ends follows from its
-- flows.
with

shifts as (
    select
        site,
        date,
        shift,
        begins_at,
        ends_at
    from {{ ref('int_staffing_shift') }}
),

flows as (
    select
        flows.*,
        shifts.begins_at,
        shifts.ends_at
    from {{ ref('int_staffing_flow') }} as flows
    inner join shifts on flows.site = shifts.site and flows.date = shifts.date and flows.shift = shifts.shift
),

final as (
    select
        flows.site,
        flows.unit,
        flows.date,
        flows.shift,
        flows.census + flows.arrivals + flows.transfers_in - flows.transfers_out - flows.discharges
            as expected,
        following.census as found
    from flows
    inner join flows as following
        on flows.site = following.site and flows.unit = following.unit and flows.ends_at = following.begins_at
    where expected != found
)

select * from final
