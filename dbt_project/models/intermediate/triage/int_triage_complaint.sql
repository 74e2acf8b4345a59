with

visits as (
    select
        visit_occurrence_id,
        arrived_at,
        triaged_at
    from {{ ref('int_triage_visit') }}
),

texts as (
    select * from {{ ref('int_triage_complaint_text') }}
),

vocabulary as (
    select * from {{ ref('complaint_groups') }}
    where kind = 'code'
),

stated as (
    select
        visit_occurrence_id,
        'text' as kind,
        cast(null as varchar) as system,
        value_text as complaint,
        effective_at,
        _arrived_at
    from {{ ref('int_triage_reading') }}
    where feature = 'complaint' and regexp_matches(value_text, '\S')
    union all
    select
        visit_occurrence_id,
        'code' as kind,
        {{ code_system_name('value_code_system') }} as system,
        value_code as complaint,
        effective_at,
        _arrived_at
    from {{ ref('int_triage_reading') }}
    where feature = 'complaint' and value_code is not null
    union all
    select
        visit_occurrence_id,
        'code' as kind,
        code_system as system,
        code as complaint,
        effective_at,
        _arrived_at
    from {{ ref('int_observation') }}
    where code_system in (select distinct system from vocabulary)
),

known as (
    select stated.*
    from stated
    inner join visits
        on
            stated.visit_occurrence_id = visits.visit_occurrence_id
            and stated.effective_at between visits.arrived_at and visits.triaged_at
),

codes as (
    select distinct
        system,
        complaint
    from known
    where kind = 'code'
),

matched as (
    select
        'text' as kind,
        cast(null as varchar) as system,
        value_text as complaint,
        "group"
    from texts
    union all
    select
        'code' as kind,
        codes.system,
        codes.complaint,
        vocabulary.group
    from codes
    inner join vocabulary
        on codes.system = vocabulary.system and starts_with(codes.complaint, vocabulary.pattern)
),

final as (
    select
        known.visit_occurrence_id,
        coalesce(list_sort(list(distinct matched.group) filter (where matched.group is not null)), [])
            as complaint_groups,
        max(known._arrived_at) as _arrived_at
    from known
    left join matched
        on
            known.kind = matched.kind and known.system is not distinct from matched.system
            and known.complaint = matched.complaint
    group by known.visit_occurrence_id
)

select * from final
