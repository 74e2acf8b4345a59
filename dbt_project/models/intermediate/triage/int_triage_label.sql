with

visits as (
    select * from {{ ref('int_visit') }}
),

critical_stays as (
    select
        visit_occurrence_id,
        max(_arrived_at) as _arrived_at
    from {{ ref('int_visit_detail') }}
    where visit_detail_concept_id = 32037
    group by visit_occurrence_id
),

courses as (
    select
        visits.*,
        visits.is_dead or critical_stays.visit_occurrence_id is not null as is_critical,
        greatest(visits._arrived_at, critical_stays._arrived_at) as settled_at
    from visits
    left join critical_stays on visits.visit_occurrence_id = critical_stays.visit_occurrence_id
),

-- Some systems open a new inpatient encounter: part of the emergency visit, or begun within a day after it.
followed as (
    select
        emergencies.visit_occurrence_id,
        bool_or(stays.is_critical) as is_critical,
        bool_and(stays.is_ended) as is_ended,
        max(stays.settled_at) as settled_at
    from courses as emergencies
    inner join courses as stays
        on
            emergencies.person_id = stays.person_id
            and emergencies.visit_concept_id in (9203, 262)
            and stays.visit_concept_id = 9201
            and (
                emergencies.visit_key = stays.part_of_key
                or stays.started_at between emergencies.started_at and emergencies.ended_at + interval 1 day
            )
    group by emergencies.visit_occurrence_id
),

settled as (
    select
        courses.visit_occurrence_id,
        courses.is_transferred,
        courses.is_ended and coalesce(followed.is_ended, true) and not courses.has_left_early as can_be_known,
        courses.is_critical or coalesce(followed.is_critical, false) as is_critical,
        courses.is_unit_known and courses.is_survival_known and not courses.is_transferred as is_course_known,
        courses.is_admitted or followed.visit_occurrence_id is not null as is_admitted,
        greatest(courses.settled_at, followed.settled_at) as settled_at
    from courses
    left join followed on courses.visit_occurrence_id = followed.visit_occurrence_id
    where courses.visit_concept_id in (9203, 262)
),

labelled as (
    select
        visit_occurrence_id,
        settled_at,
        case when can_be_known and (is_critical or is_course_known) then is_critical end as critical_care,
        case when can_be_known and (is_admitted or not is_transferred) then is_admitted end as admission
    from settled
),

final as (
    select
        visit_occurrence_id,
        critical_care,
        admission,
        case when coalesce(critical_care, admission) is not null then settled_at end as labels_known_at
    from labelled
)

select * from final
