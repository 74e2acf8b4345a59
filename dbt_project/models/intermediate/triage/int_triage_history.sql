with

visits as (
    select
        visit_occurrence_id,
        person_id,
        arrived_at,
        is_history_known
    from {{ ref('int_triage_visit') }}
),

conditions as (
    select * from {{ ref('int_condition') }}
    where verification_status is distinct from 'refuted'
),

vocabulary as (
    select * from {{ ref('history_groups') }}
),

grouped as (
    select
        conditions.code_system,
        conditions.code,
        vocabulary.group
    from (select distinct
        code_system,
        code
    from conditions) as conditions
    inner join vocabulary
        on
            conditions.code_system = vocabulary.system
            and starts_with(conditions.code, vocabulary.pattern)
),

final as (
    select
        visits.visit_occurrence_id,
        list_sort(list(distinct grouped.group)) as history_groups,
        max(conditions._arrived_at) as _arrived_at
    from visits
    inner join
        conditions
        on visits.person_id = conditions.person_id and visits.arrived_at > conditions.known_from_at
    inner join grouped on conditions.code_system = grouped.code_system and conditions.code = grouped.code
    where visits.is_history_known
    group by visits.visit_occurrence_id
)

select * from final
