with

deaths as (
    select * from {{ ref('int_death') }}
),

published as (
    {{ published('deaths', ['died_at']) }}
),

final as (
    select
        person_id,
        {{ local_date('site', 'died_at') }} as death_date,
        case when has_death_time then {{ utc('died_at') }} end as death_datetime,
        cast(type_concept_id as integer) as death_type_concept_id,
        cast(null as integer) as cause_concept_id,
        cast(null as varchar) as cause_source_value,
        cast(null as integer) as cause_source_concept_id
    from published
)

select * from final
