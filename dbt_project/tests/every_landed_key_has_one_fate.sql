-- The fates of lake_to_omop_fates add up to the keys that landed: nothing is lost, nothing counted twice.
with

fates as (
    select
        site,
        lake_table,
        sum(keys) as keys
    from {{ ref('lake_to_omop_fates') }}
    group by site, lake_table
),

landed as (
    select * from {{ ref('lake_to_omop') }}
),

final as (
    select
        landed.site,
        landed.lake_table,
        landed.landed_keys,
        fates.keys
    from landed
    full outer join fates on landed.site = fates.site and landed.lake_table = fates.lake_table
    where landed.landed_keys is distinct from fates.keys
)

select * from final
