with

visits as (
    select
        visit_occurrence_id,
        arrived_at,
        triaged_at
    from {{ ref('int_triage_visit') }}
),

vocabulary as (
    select * from {{ ref('complaint_groups') }}
),

stated as (
    select
        visit_occurrence_id,
        'term' as kind,
        cast(null as varchar) as system,
        {{ normalised_text('value_text') }} as complaint,
        effective_at,
        _arrived_at
    from {{ ref('int_triage_reading') }}
    where feature = 'complaint' and regexp_matches(value_text, '\S')
    union all
    select
        visit_occurrence_id,
        'code' as kind,
        value_code_system as system,
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
    where code_system in (
        select distinct system from vocabulary
        where kind = 'code'
    )
),

known as (
    select stated.*
    from stated
    inner join visits
        on
            stated.visit_occurrence_id = visits.visit_occurrence_id
            and stated.effective_at between visits.arrived_at and visits.triaged_at
),

complaints as (
    select distinct
        kind,
        system,
        complaint
    from known
),

matched as (
    select
        complaints.kind,
        complaints.system,
        complaints.complaint,
        vocabulary.group
    from complaints
    inner join vocabulary
        on
            complaints.kind = vocabulary.kind and complaints.system is not distinct from vocabulary.system
            and case complaints.kind
                when 'term'
                    then contains(' ' || complaints.complaint || ' ', ' ' || vocabulary.pattern || ' ')
                else starts_with(complaints.complaint, vocabulary.pattern)
            end
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
