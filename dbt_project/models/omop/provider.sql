{{ config(materialized = 'table') }}

with

providers as (
    select * from {{ ref('int_provider') }}
),

final as (
    select
        provider_id,
        cast(null as varchar) as provider_name,
        cast(null as varchar) as npi,
        cast(null as varchar) as dea,
        cast(specialty_concept_id as integer) as specialty_concept_id,
        case
            when care_site_key is not null then {{ care_site_id('site', 'care_site_key') }}
        end as care_site_id,
        cast(null as integer) as year_of_birth,
        cast(gender_concept_id as integer) as gender_concept_id,
        provider_key[1:50] as provider_source_value,
        specialty_code[1:50] as specialty_source_value,
        cast(specialty_source_concept_id as integer) as specialty_source_concept_id,
        gender_code[1:50] as gender_source_value,
        cast(case when gender_code is not null then 0 end as integer) as gender_source_concept_id
    from providers
)

select * from final
