{{ config(
    materialized = 'incremental', incremental_strategy = 'touched_persons', on_schema_change = 'fail',
) }}

with

persons as (
    select * from {{ ref('int_person') }}
),

final as (
    select
        person_id,
        site,
        state,
        zip3
    from persons
)

select * from final
