{%- set shared = [
    'site', 'patient_key', 'encounter_key', 'observation_key', 'category_code', 'effective_at', 'issued_at', '_arrived_at',
] -%}

with

observations as (
    select * from {{ ref('stg_fhir_observation') }}
),

whole as (
    select
        {{ shared | join(', ') }},
        observation_key as event_key,
        code_system,
        code,
        value_number,
        value_comparator,
        value_unit,
        value_code,
        value_code_system,
        coalesce(value_text, value_unread) as value_text
    from observations
    where
        len(coalesce(components, [])) = 0
        or coalesce(cast(value_number as varchar), value_code, value_text, value_unread) is not null
),

parts as (
    select
        {{ shared | join(', ') }},
        unnest(components) as part,
        generate_subscripts(components, 1) as position
    from observations
),

exploded as (
    select
        {{ shared | join(', ') }},
        concat(observation_key, '|', position) as event_key,
        {{ code_system_name("struct_extract(part, 'code_system')") }} as code_system,
        struct_extract(part, 'code') as code,
        struct_extract(part, 'value_number') as value_number,
        struct_extract(part, 'value_comparator') as value_comparator,
        struct_extract(part, 'value_unit') as value_unit,
        struct_extract(part, 'value_code') as value_code,
        cast(null as varchar) as value_code_system,
        cast(null as varchar) as value_text
    from parts
),

final as (
    select * from whole
    union all by name
    select * from exploded
)

select * from final
