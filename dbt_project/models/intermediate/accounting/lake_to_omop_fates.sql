with

landed as (
    select
        site,
        lake_table,
        if(is_deleted, 'deleted', 'withdrawn') as fate,
        cast(null as varchar) as omop_table,
        cast(null as varchar) as reason
    from {{ ref('int_landed_key') }}
    where is_deleted or is_withdrawn
),

live as (
    select
        site,
        lake_table,
        if(is_placed, 'placed', 'left out') as fate,
        omop_table,
        left_out as reason
    from {{ ref('int_placed_key') }}
),

fates as (
    select * from landed
    union all by name
    select * from live
),

final as (
    select
        site,
        lake_table,
        fate,
        omop_table,
        reason,
        count(*) as keys
    from fates
    group by all
)

select * from final
