{{ config(materialized = 'ephemeral') }}

with

mounted as (
    {{ mounted('code_map', {
        'vocabulary_id': 'varchar',
        'code': 'varchar',
        'target': 'integer',
        'source_concept_id': 'integer',
        'concept_id': 'integer',
        'domain_id': 'varchar',
        'value_concept_id': 'integer',
        'origin': 'varchar',
    }) }}
),

known as (
    select
        * exclude (vocabulary_id),
        {{ system_of_vocabulary('vocabulary_id') }} as system
    from mounted
),

concepts as (
    select * from {{ ref('concept') }}
),

-- A starter's concept that the mounted vocabulary has withdrawn since is what it maps to now, or none.
current_starter as (
    select
        map.system,
        map.code,
        case
            when concepts.standard_concept = 'S' and concepts.invalid_reason is null then map.concept_id
            else mounted.concept_id
        end as concept_id
    from {{ ref('concept_map') }} as map
    inner join concepts on map.concept_id = concepts.concept_id
    left join mounted on map.concept_id = mounted.source_concept_id and mounted.target = 1
),

starter as (
    select
        current_starter.system,
        current_starter.code,
        1 as target,
        coalesce(known.source_concept_id, 0) as source_concept_id,
        current_starter.concept_id,
        concepts.domain_id,
        'starter' as origin
    from current_starter
    inner join concepts on current_starter.concept_id = concepts.concept_id
    left join known on current_starter.system = known.system and current_starter.code = known.code
    where coalesce(known.concept_id, 0) = 0 and current_starter.concept_id != 0
),

final as (
    select known.*
    from known
    anti join starter on known.system = starter.system and known.code = starter.code
    union all by name
    select * from starter
)

select * from final
