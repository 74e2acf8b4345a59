{{ config(
    materialized = 'incremental', incremental_strategy = 'touched_persons', on_schema_change = 'fail',
) }}
{%- set roles = ['rendering', 'attending', 'operating', 'referring', 'supervising'] -%}

with

claims as (
    select * from {{ ref('int_x12_claim') }}
    where person_key is not null
),

final as (
    {%- for role in roles %}
        select
            {{ person_id('claims.site', 'claims.person_key') }} as person_id,
            claims.site,
            links.provider_key
        from claims
        inner join {{ ref('int_provider_link') }} as links
            on claims.site = links.site and claims.{{ role }}_provider_key = links.reference_key
        {{ 'union' if not loop.last }}
    {%- endfor %}
)

select * from final
