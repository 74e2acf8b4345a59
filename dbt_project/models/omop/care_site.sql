{{ config(materialized = 'table') }}

with

care_sites as (
    select * from {{ ref('int_care_site') }}
),

final as (
    select
        care_site_id,
        concat_ws(' ', site, kind, unit)[1:255] as care_site_name,
        cast(place_of_service_concept_id as integer) as place_of_service_concept_id,
        location_id,
        concat_ws('|', site, care_site_key)[1:50] as care_site_source_value,
        place_code[1:50] as place_of_service_source_value
    from care_sites
)

select * from final
