with

conditions as (
    select * from {{ ref('int_condition') }}
    where omop_table = 'condition_occurrence'
    union all by name
    select * from {{ ref('int_routed') }}
    where omop_table = 'condition_occurrence'
),

published as (
    {{ published('conditions', ['occurred_at', 'abated_at']) }}
),

final as (
    select
        row_id as condition_occurrence_id,
        person_id,
        cast(concept_id as integer) as condition_concept_id,
        {{ local_date('site', 'occurred_at') }} as condition_start_date,
        {{ utc('occurred_at') }} as condition_start_datetime,
        {{ local_date('site', 'abated_at') }} as condition_end_date,
        {{ utc('abated_at') }} as condition_end_datetime,
        cast(type_concept_id as integer) as condition_type_concept_id,
        cast(null as integer) as condition_status_concept_id,
        cast(null as varchar) as stop_reason,
        cast(null as bigint) as provider_id,
        visit_occurrence_id,
        cast(null as bigint) as visit_detail_id,
        code[1:50] as condition_source_value,
        cast(source_concept_id as integer) as condition_source_concept_id,
        category_code[1:50] as condition_status_source_value
    from published
)

select * from final
