{%- set records = [
    'encounter', 'observation', 'condition', 'procedure', 'medication_request', 'medication_administration',
    'medication_statement', 'immunization', 'device_use_statement', 'specimen', 'imaging_study',
    'allergy_intolerance', 'coverage',
] -%}

with

patients as (
    select
        site,
        patient_key,
        mrn_key,
        identifier_key,
        coalesce(mrn_key, patient_key) as person_key
    from {{ ref('stg_fhir_patient') }}
),

mentioned as (
    {%- for record in records %}
        select
            site,
            patient_key as reference_key
        from {{ ref('stg_fhir_' ~ record) }}
        {{ 'union' if not loop.last }}
    {%- endfor %}
),

known as (
    select
        site,
        patient_key as reference_key,
        person_key,
        1 as precedence
    from patients
    union
    select
        site,
        mrn_key as reference_key,
        person_key,
        2 as precedence
    from patients
    union
    select
        site,
        identifier_key as reference_key,
        person_key,
        3 as precedence
    from patients
),

identified as (
    select
        site,
        reference_key,
        person_key,
        false as is_placeholder
    from known
    where reference_key is not null
    qualify row_number() over (partition by site, reference_key order by precedence, person_key) = 1
),

unknown as (
    select
        mentioned.site,
        mentioned.reference_key,
        mentioned.reference_key as person_key,
        true as is_placeholder
    from mentioned
    anti join identified
        on mentioned.site = identified.site and mentioned.reference_key = identified.reference_key
    where mentioned.reference_key is not null
),

final as (
    select * from identified
    union all by name
    select * from unknown
)

select * from final
