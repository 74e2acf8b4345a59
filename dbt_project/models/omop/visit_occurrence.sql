with

visits as (
    select * from {{ ref('int_visit') }}
),

published as (
    {{ published('visits', ['started_at', 'ended_at', '_arrived_at']) }}
),

final as (
    select
        visit_occurrence_id,
        person_id,
        cast(visit_concept_id as integer) as visit_concept_id,
        {{ local_date('site', 'started_at') }} as visit_start_date,
        case when has_arrival_time then {{ utc('started_at') }} end as visit_start_datetime,
        -- An open visit ends, for now, when its latest record arrived; its end time stays null.
        {{ local_date(
            'site', 'greatest(started_at, coalesce(ended_at, case when is_ended then started_at else _arrived_at end))'
        ) }}
            as visit_end_date,
        case when has_arrival_time then {{ utc('ended_at') }} end as visit_end_datetime,
        cast(type_concept_id as integer) as visit_type_concept_id,
        cast(null as bigint) as provider_id,
        case
            when care_site_key is not null then {{ care_site_id('site', 'care_site_key') }}
        end as care_site_id,
        class_code[1:50] as visit_source_value,
        cast(class_source_concept_id as integer) as visit_source_concept_id,
        cast(case when admitted_from_code is not null then 0 end as integer) as admitted_from_concept_id,
        admitted_from_code[1:50] as admitted_from_source_value,
        cast(
            case when discharged_to_code is not null then discharged_to_concept_id end as integer
        ) as discharged_to_concept_id,
        discharged_to_code[1:50] as discharged_to_source_value,
        cast(null as bigint) as preceding_visit_occurrence_id
    from published
)

select * from final
