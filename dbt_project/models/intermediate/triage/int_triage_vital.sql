{%- set numbers = [
    'temperature_c', 'heart_rate', 'respiratory_rate', 'oxygen_saturation', 'systolic_bp', 'diastolic_bp', 'pain_score',
    'triage_level',
] -%}
{#- What lies between two levels is no level. -#}
{%- set further = {'triage_level': ' and reading = trunc(reading)'} -%}

with

visits as (
    select
        visit_occurrence_id,
        arrived_at,
        triaged_at
    from {{ ref('int_triage_visit') }}
),

readings as (
    select * from {{ ref('int_triage_reading') }}
),

conversions as (
    select * from {{ ref('ucum_conversions') }}
),

known as (
    select readings.*
    from readings
    inner join visits
        on
            readings.visit_occurrence_id = visits.visit_occurrence_id
            and readings.effective_at between visits.arrived_at and visits.triaged_at
    where readings.feature != 'complaint'
),

latest as (
    select *
    from known
    qualify feature = 'arrival_mode' or row_number() over (
        partition by visit_occurrence_id, feature
        order by effective_at desc, coalesce(issued_at, effective_at) desc, event_key desc
    ) = 1
),

converted as (
    select
        latest.*,
        (latest.value_number - conversions.subtract) * conversions.multiply / conversions.divide as reading
    from latest
    left join conversions on latest.feature = conversions.feature and latest.unit_code = conversions.unit
),

final as (
    select
        visit_occurrence_id,
        {%- for feature in numbers %}
            max(reading) filter (where feature = '{{ feature }}'{{ further.get(feature, '') }})
                as {{ feature }},
        {%- endfor %}
        bool_or(value_code in ('44613004', 'LA9318-2')) filter (where feature = 'arrival_mode')
            as arrived_by_ambulance,
        max(coalesce(issued_at, effective_at)) as charted_at,
        max(_arrived_at) as _arrived_at
    from converted
    group by visit_occurrence_id
)

select * from final
