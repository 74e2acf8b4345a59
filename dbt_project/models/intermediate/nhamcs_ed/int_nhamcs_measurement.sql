{%- set items = {
    'temperature_f': ('TEMPF', '[degF]'),
    'heart_rate': ('PULSE', '/min'),
    'respiratory_rate': ('RESPR', '/min'),
    'systolic_bp': ('BPSYS', 'mm[Hg]'),
    'diastolic_bp': ('BPDIAS', 'mm[Hg]'),
    'oxygen_saturation': ('POPCT', '%'),
    'pain_score': ('PAINSCALE', '{score}'),
} -%}

with

visits as (
    select * from {{ ref('int_nhamcs_visit') }}
),

surveyed as (
    select * from {{ ref('stg_nhamcs_visit') }}
),

readings as (
    {%- for column, (code, unit) in items.items() %}
        {{ 'union all' if not loop.first }}
        select
            site,
            visit_key,
            '{{ code }}' as code,
            '{{ unit }}' as unit_code,
            cast({{ column }} as double) as value_number
        from surveyed
    {%- endfor %}
),

final as (
    select
        visits.site,
        visits.visit_key,
        visits.person_key,
        concat(visits.visit_key, '|', readings.code) as event_key,
        'NHAMCS' as code_system,
        readings.code,
        readings.value_number,
        readings.unit_code,
        visits.started_at as effective_at,
        visits._arrived_at
    from readings
    inner join visits on readings.site = visits.site and readings.visit_key = visits.visit_key
    where readings.value_number is not null
)

select * from final
