{{ config(materialized = 'view') }}

with

costs as (
    select * from {{ ref('int_cost') }}
),

final as (
    select * exclude (person_id)
    from costs
)

select * from final
