{{ config(
    materialized = 'incremental', incremental_strategy = 'touched_persons', on_schema_change = 'fail',
) }}

with

surveyed as (
    select
        {{ person_id('site', 'visit_key') }} as person_id,
        site,
        hospital_key as care_site_key,
        true as is_hospital
    from {{ ref('stg_nhamcs_visit') }}
    where hospital_key is not null
),

visited as (
    select
        person_id,
        site,
        care_site_key,
        false as is_hospital
    from {{ ref('int_visit') }}
    where care_site_key is not null
    union by name
    select
        person_id,
        site,
        care_site_key,
        false as is_hospital,
        -- Of a unit that only messages name, what they say of it.
        case when starts_with(care_site_key, 'hl7v2|') then unit end as unit,
        case when starts_with(care_site_key, 'hl7v2|') then unit_code end as place_code
    from {{ ref('int_visit_detail') }}
    where care_site_key is not null
),

final as (
    select * from surveyed
    union by name
    select * from visited
)

select * from final
