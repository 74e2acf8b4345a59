with

items as (
    select * from {{ ref('triage_readings') }}
),

recorded as (
    select * from {{ ref('int_measurement') }}
    union all by name
    select * from {{ ref('int_observation') }}
),

final as (
    select
        recorded.visit_occurrence_id,
        recorded.event_key,
        items.feature,
        -- A bound hides an older number and is none itself (decision record 0058).
        case
            when recorded.value_comparator is not null then null
            when items.feature != 'triage_level' then recorded.value_number
            else coalesce(recorded.value_number, {{ triage_level_of('recorded.value_code') }})
        end as value_number,
        -- UCUM annotations in braces carry no meaning (UCUM 12); a score without unit is a plain number.
        case
            when items.feature in ('triage_level', 'pain_score')
                then coalesce(nullif(regexp_replace(recorded.unit_code, '\{[^{}]{0,60}\}', '', 'g'), ''), '1')
            else regexp_replace(recorded.unit_code, '\{[^{}]{0,60}\}', '', 'g')
        end as unit_code,
        recorded.value_code_system,
        recorded.value_code,
        recorded.value_text,
        recorded.effective_at,
        recorded.issued_at,
        recorded._arrived_at
    from recorded
    inner join items on recorded.code_system = items.system and recorded.code = items.code
    where recorded.visit_occurrence_id is not null and recorded.effective_at is not null
)

select * from final
