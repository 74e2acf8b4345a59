with

landed as (
    select
        site,
        lake_table,
        count(*) as landed_keys,
        count(*) filter (where is_deleted) as deleted_keys,
        count(*) filter (where not is_deleted and is_withdrawn) as withdrawn_keys,
        count(*) filter (where not is_deleted and not is_withdrawn) as live_keys,
        count(*) filter (where not is_deleted and not is_withdrawn and is_dead) as dead_keys
    from {{ ref('int_landed_key') }}
    group by site, lake_table
),

placed as (
    select
        site,
        lake_table,
        count(*) filter (where is_placed) as in_omop,
        count(*) filter (where not is_placed) as not_in_omop,
        count(*) filter (where is_dead) as dead_in_omop
    from {{ ref('int_placed_key') }}
    group by site, lake_table
),

final as (
    select
        landed.*,
        coalesce(placed.in_omop, 0) as in_omop,
        coalesce(placed.not_in_omop, 0) as not_in_omop,
        coalesce(placed.dead_in_omop, 0) as dead_in_omop
    from landed
    left join placed on landed.site = placed.site and landed.lake_table = placed.lake_table
)

select * from final
