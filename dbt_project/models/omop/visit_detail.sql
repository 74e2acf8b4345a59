with

details as (
    select * from {{ ref('int_visit_detail') }}
),

published as (
    {{ published('details', ['started_at', 'ended_at', '_arrived_at']) }}
),

final as (
    select
        visit_detail_id,
        person_id,
        cast(visit_detail_concept_id as integer) as visit_detail_concept_id,
        {{ local_date('site', 'started_at') }} as visit_detail_start_date,
        {{ utc('started_at') }} as visit_detail_start_datetime,
        -- An open stay ends, for now, when its latest record arrived; its end time stays null.
        {{ local_date('site', 'greatest(started_at, coalesce(ended_at, _arrived_at))') }}
            as visit_detail_end_date,
        {{ utc('ended_at') }} as visit_detail_end_datetime,
        cast(type_concept_id as integer) as visit_detail_type_concept_id,
        cast(null as bigint) as provider_id,
        case
            when care_site_key is not null then {{ care_site_id('site', 'care_site_key') }}
        end as care_site_id,
        coalesce(unit_code, unit)[1:50] as visit_detail_source_value,
        cast(0 as integer) as visit_detail_source_concept_id,
        cast(null as integer) as admitted_from_concept_id,
        cast(null as varchar) as admitted_from_source_value,
        cast(null as varchar) as discharged_to_source_value,
        cast(null as integer) as discharged_to_concept_id,
        cast(null as bigint) as preceding_visit_detail_id,
        cast(null as bigint) as parent_visit_detail_id,
        visit_occurrence_id
    from published
)

select * from final
