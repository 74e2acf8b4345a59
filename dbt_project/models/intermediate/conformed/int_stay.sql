{{ config(materialized = 'ephemeral') }}

with

-- The record system's word on whose a visit is goes before that of messages.
stays as (
    select
        site,
        visit_key,
        person_key,
        1 as precedence
    from {{ ref('int_fhir_visit') }}
    union all by name
    select
        site,
        visit_key,
        person_key,
        2 as precedence
    from {{ ref('int_hl7_visit') }}
    where left_out is null
),

final as (
    select
        site,
        visit_key,
        arg_min(person_key, precedence) as person_key
    from stays
    group by site, visit_key
)

select * from final
