{{ config(materialized = 'incremental', incremental_strategy = 'kept', on_schema_change = 'fail') }}

with

common as (
    select * from {{ ref('int_common_code') }}
),

own as (
    select
        site,
        system,
        code,
        target,
        cast(0 as integer) as source_concept_id,
        concept_id,
        domain_id,
        value_concept_id,
        'site' as origin
    from {{ ref('int_site_code') }}
    where concept_id != 0
),

final as (
    select
        '' as site,
        *
    from common
    union all by name
    select * from own
    order by system, code
)

select * from final
