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
        state
    from persons
)

select * from final
