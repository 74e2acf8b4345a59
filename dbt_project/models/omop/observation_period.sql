{%- set dates = {
    'visit_occurrence': ('visit_start_date', 'visit_end_date'),
    'condition_occurrence': ('condition_start_date', 'condition_start_date'),
    'measurement': ('measurement_date', 'measurement_date'),
    'observation': ('observation_date', 'observation_date'),
    'death': ('death_date', 'death_date'),
    'procedure_occurrence': ('procedure_date', 'procedure_date'),
    'drug_exposure': ('drug_exposure_start_date', 'drug_exposure_start_date'),
    'device_exposure': ('device_exposure_start_date', 'device_exposure_start_date'),
    'specimen': ('specimen_date', 'specimen_date'),
} -%}

with

spans as (
    {%- for table, (first, last) in dates.items() %}
        select
            person_id,
            min({{ first }}) as first_date,
            max({{ last }}) as last_date
        from {{ ref(table) }}
        where {{ is_touched() }}
        group by person_id
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        {{ hash63(["'observation period'", 'person_id']) }} as observation_period_id,
        person_id,
        min(first_date) as observation_period_start_date,
        max(last_date) as observation_period_end_date,
        cast(32880 as integer) as period_type_concept_id
    from spans
    group by person_id
)

select * from final
