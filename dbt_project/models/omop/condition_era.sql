{%- set keys = ['person_id', 'condition_concept_id'] -%}

with

conditions as (
    select
        person_id,
        condition_concept_id,
        condition_start_date as first_date,
        greatest(coalesce(condition_end_date, condition_start_date + 1), condition_start_date) as last_date
    from {{ ref('condition_occurrence') }}
    where condition_concept_id != 0 and {{ is_touched() }}
),

begun as (
    select
        *,
        {{ begins_run(keys, 'first_date', 'last_date', gap = 30) }} as begins
    from conditions
),

numbered as (
    select
        *,
        {{ run_number(keys, 'first_date', 'last_date', 'begins') }} as era
    from begun
),

final as (
    select
        {{ hash63(["'condition era'", 'person_id', 'condition_concept_id', 'min(first_date)']) }}
            as condition_era_id,
        person_id,
        condition_concept_id,
        min(first_date) as condition_era_start_date,
        cast(max(last_date) as date) as condition_era_end_date,
        cast(count(*) as integer) as condition_occurrence_count
    from numbered
    group by person_id, condition_concept_id, era
)

select * from final
