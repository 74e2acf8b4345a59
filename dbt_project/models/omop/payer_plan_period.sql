with

periods as (
    select * from {{ ref('int_payer_period') }}
),

published as (
    {{ published(
        'periods', ['started_at', 'ended_at'], person = person_id('periods.site', 'periods.person_key')
    ) }}
),

final as (
    select
        {{ record_id('site', 'feed', 'coverage_key') }} as payer_plan_period_id,
        {{ person_id('site', 'person_key') }} as person_id,
        {{ local_date('site', 'started_at') }} as payer_plan_period_start_date,
        {{ local_date('site', 'ended_at') }} as payer_plan_period_end_date,
        cast(case when payer_code is not null then 0 end as integer) as payer_concept_id,
        payer_code[1:50] as payer_source_value,
        cast(case when payer_code is not null then 0 end as integer) as payer_source_concept_id,
        cast(case when plan_code is not null then 0 end as integer) as plan_concept_id,
        plan_code[1:50] as plan_source_value,
        cast(case when plan_code is not null then 0 end as integer) as plan_source_concept_id,
        cast(null as integer) as sponsor_concept_id,
        cast(null as varchar) as sponsor_source_value,
        cast(null as integer) as sponsor_source_concept_id,
        family_key[1:50] as family_source_value,
        cast(null as integer) as stop_reason_concept_id,
        cast(null as varchar) as stop_reason_source_value,
        cast(null as integer) as stop_reason_source_concept_id
    from published
)

select * from final
