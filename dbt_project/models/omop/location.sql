{{ config(materialized = 'table') }}

with

locations as (
    select * from {{ ref('int_location') }}
),

final as (
    select
        location_id,
        cast(null as varchar) as address_1,
        cast(null as varchar) as address_2,
        cast(null as varchar) as city,
        case when len(state) = 2 then state end as state,
        zip3 as zip,
        cast(null as varchar) as county,
        concat_ws('|', site, state, zip3)[1:50] as location_source_value,
        cast(null as integer) as country_concept_id,
        cast(null as varchar) as country_source_value,
        cast(null as double) as latitude,
        cast(null as double) as longitude
    from locations
)

select * from final
