{#- How many steps from a cue a term may begin: NegEx's five; what is only mentioned follows directly. -#}
{%- set reach = {'negation': 5, 'mention': 1} -%}

with

phrases as (
    select * from {{ ref('int_triage_complaint_phrase') }}
),

terms as (
    select * from phrases
    where kind = 'term'
),

ends as (
    select * from phrases
    where kind = 'end'
),

-- A cue inside a term ("not breathing") or inside what only looks like one ("no relief") is none.
cues as (
    select
        phrases.*,
        case phrases.kind
            {%- for kind, steps in reach.items() %}
                when '{{ kind }}' then {{ steps }}
            {%- endfor %}
        end as reach
    from phrases
    where
        phrases.kind in ('{{ reach | join("', '") }}')
        and not exists (
            select 1
            from phrases as around
            where
                phrases.value_text = around.value_text
                and around.kind in ('term', 'pseudo')
                and phrases.first_place >= around.first_place
                and phrases.last_place <= around.last_place
        )
),

reached as (
    select
        terms.value_text,
        terms.group,
        terms.first_place,
        terms.last_place,
        cues.last_place as cue_place
    from terms
    inner join cues
        on
            terms.value_text = cues.value_text
            and terms.first_clause = cues.last_clause
            and terms.first_place > cues.last_place
            and terms.first_step - cues.last_step <= cues.reach
),

taken_back as (
    select reached.*
    from reached
    where
        not exists (
            select 1
            from ends
            where
                reached.value_text = ends.value_text
                and reached.cue_place < ends.first_place
                and reached.first_place >= ends.first_place
        )
),

final as (
    select distinct
        terms.value_text,
        terms.group
    from terms
    left join taken_back
        on
            terms.value_text = taken_back.value_text
            and terms.group = taken_back.group
            and terms.first_place = taken_back.first_place
            and terms.last_place = taken_back.last_place
    where taken_back.value_text is null
)

select * from final
