{{ config(materialized = 'table') }}

with

landed as (
    select max({{ local_date('site', 'arrived_at') }}) as newest_day
    from (
        select
            site,
            max(arrived_at) as arrived_at
        from {{ ref('int_landed_key') }}
        group by site
    ) as newest
),

vocabularies as (
    select
        (
            select concept_names.vocabulary_version from {{ ref('vocabulary') }} as concept_names
            where concept_names.vocabulary_id = 'None'
        ) as mounted_version,
        {{ 'true' if var('vocabulary', '') else 'false' }} as is_mounted
),

final as (
    select
        'Pilothouse: the lake of one hospital group' as cdm_source_name,
        'Pilothouse' as cdm_source_abbreviation,
        'the hospital group that runs this home' as cdm_holder,
        'Records as they landed under their contracts, pseudonymous; sites cannot be linked to each other'
        {{ published_sites() }} as source_description,
        'orchestration/contracts' as source_documentation_reference,
        'dbt_project' as cdm_etl_reference,
        newest_day as source_release_date,
        newest_day as cdm_release_date,
        'v5.4' as cdm_version,
        cast(756265 as integer) as cdm_version_concept_id,
        coalesce(
            vocabularies.mounted_version, if(vocabularies.is_mounted, 'mounted, no version', 'starter')
        )[1:20] as vocabulary_version
    from landed
    cross join vocabularies
    where newest_day is not null
)

select * from final
