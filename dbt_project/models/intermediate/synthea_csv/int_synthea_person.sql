{%- set mentioning = [
    'encounter', 'condition', 'allergy', 'device', 'immunization', 'medication', 'procedure', 'supply',
    'payer_transition',
] -%}

with

patients as (
    select * from {{ ref('stg_synthea_patient') }}
),

mentioned as (
    {%- for table in mentioning %}
        select
            site,
            patient_key
        from {{ ref('stg_synthea_' ~ table) }}
        {{ 'union' if not loop.last }}
    {%- endfor %}
),

persons as (
    select
        *,
        false as is_placeholder
    from patients
    union all by name
    select
        mentioned.*,
        true as is_placeholder
    from mentioned
    anti join patients on mentioned.site = patients.site and mentioned.patient_key = patients.patient_key
),

final as (
    select
        site,
        patient_key as person_key,
        birth_date,
        false as is_birth_date_surrogate,
        'FHIR administrative-gender' as gender_system,
        case gender_code when 'F' then 'female' when 'M' then 'male' end as gender_code,
        'OMB' as race_system,
        case race_code
            when 'white' then '2106-3' when 'black' then '2054-5' when 'asian' then '2028-9'
            when 'hawaiian' then '2076-8' when 'native' then '1002-5' else race_code
        end as race_code,
        'OMB' as ethnicity_system,
        case ethnicity_code
            when 'hispanic' then '2135-2' when 'nonhispanic' then '2186-5' else ethnicity_code
        end as ethnicity_code,
        cast(null as varchar) as language_code,
        state,
        zip3,
        is_placeholder,
        _arrived_at
    from persons
)

select * from final
