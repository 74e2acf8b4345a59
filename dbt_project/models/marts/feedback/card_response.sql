{{ config(materialized='table') }}
{#- A card that nobody answered within its use case's window was ignored; until then it waits. -#}

with

calls as (
    select * from {{ ref('stg_serving_event') }}
    where kind = 'call'
),

seen as (
    select
        calls.site,
        max(calls.at) as until_at
    from calls
    group by calls.site
),

feedback as (
    select * from {{ ref('stg_serving_feedback') }}
    qualify row_number() over (
        partition by site, card_uuid order by outcome_at desc nulls last, received_at desc, feedback_id desc
    ) = 1
),

shown as (
    select
        calls.*,
        calls.at as shown_at,
        calls.at + {{ feedback_window('calls.use_case') }} as ignored_at,
        {{ local_time('calls.site', 'calls.at') }} as shown_local
    from calls
    where calls.is_displayed
),

final as (
    select
        shown.site,
        shown.use_case,
        shown.card_uuid,
        shown.event_id,
        shown.visit_key,
        shown.unit,
        {{ shift_of('shown.site', 'cast(shown.shown_local as time)') }} as shift,
        shown.shown_at,
        shown.stage,
        shown.tier,
        shown.release_digest,
        shown.risk_band,
        case
            when feedback.outcome is not null then feedback.outcome
            when shown.ignored_at <= seen.until_at then 'ignored'
            else 'waiting'
        end as response,
        feedback.override_reason_code as reason_code,
        coalesce(feedback.has_comment, false) as has_comment,
        coalesce(feedback.outcome_at, feedback.received_at) as answered_at,
        epoch(coalesce(feedback.outcome_at, feedback.received_at) - shown.shown_at) as seconds_to_answer
    from shown
    inner join seen on shown.site = seen.site
    left join feedback on shown.site = feedback.site and shown.card_uuid = feedback.card_uuid
)

select * from final
