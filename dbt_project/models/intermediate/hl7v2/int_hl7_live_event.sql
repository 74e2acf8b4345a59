{#- Within a visit, in the order in which things were typed in: whatever the order of arrival, the same. -#}
{%- set kinds = "['plan', 'begin', 'move', 'class', 'tell', 'absence', 'end', 'other']" -%}
{%- set rank = 'array_position(' ~ kinds ~ ', kind)' -%}
{%- set in_order = "recorded_at, message_at, is_undoing, " ~ rank ~ ", message_key" -%}

with

events as (
    select
        events.*,
        links.visit_key
    from {{ ref('int_hl7_event') }} as events
    inner join {{ ref('int_visit_link') }} as links
        on events.site = links.site and events.visit_number_key = links.reference_key
),

numbered as (
    select
        *,
        row_number() over (partition by site, visit_key order by {{ in_order }}) as position
    from events
),

-- A23 deletes what was typed in of the visit before it.
kept as (
    select
        *,
        coalesce(
            position
            <= max(case when event_code = 'A23' then position end) over (partition by site, visit_key),
            false
        ) as is_deleted
    from numbered
),

-- An event is taken back by the next undoing of its kind that has no later event of the kind to take back.
balanced as (
    select
        *,
        sum(case when is_undoing then -1 else 1 end) over (
            partition by site, visit_key, kind, is_deleted order by position rows unbounded preceding
        ) as balance
    from kept
),

weighed as (
    select
        *,
        min(balance) over (
            partition by site, visit_key, kind, is_deleted
            order by position
            rows between 1 following and unbounded following
        ) as least_after
    from balanced
),

final as (
    select
        *,
        is_deleted or (not is_undoing and coalesce(least_after < balance, false)) as is_undone
    from weighed
)

select * from final
