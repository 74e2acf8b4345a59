{{ config(materialized = 'incremental', incremental_strategy = 'kept', on_schema_change = 'fail') }}

with

stated as (
    {{ site_codes() }}
),

concepts as (
    select * from {{ ref('concept') }}
    where standard_concept = 'S' and invalid_reason is null and concept_id != 0
),

common as (
    select * from {{ ref('int_common_code') }}
    where concept_id != 0
),

found as (
    select
        stated.*,
        coalesce(named.concept_id, common.concept_id) as found_id,
        case when named.concept_id is null then common.value_concept_id end as value_concept_id
    from stated
    left join concepts as named on stated.concept_id = named.concept_id
    left join common on stated.to_system = common.system and stated.to_code = common.code
),

targets as (
    select
        site,
        system,
        code,
        vocabulary_id,
        name,
        since,
        label,
        coalesce(found_id, 0) as concept_id,
        min(value_concept_id) as value_concept_id
    from found
    group by all
),

-- A target that no vocabulary here knows is kept as concept 0 where the code has no other.
judged as (
    select * from targets
    qualify concept_id != 0 or count(*) over (partition by site, system, code) = 1
),

final as (
    select
        judged.*,
        cast(
            row_number() over (
                partition by judged.site, judged.system, judged.code order by judged.concept_id
            ) as integer
        ) as target,
        concepts.domain_id,
        concepts.vocabulary_id as target_vocabulary_id
    from judged
    left join concepts on judged.concept_id = concepts.concept_id
)

select * from final
