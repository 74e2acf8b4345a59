{#- Records of a patient, and where each names them. -#}
{%- set tables = [
    'encounter', 'observation', 'condition', 'procedure', 'medication_request', 'medication_administration',
    'medication_statement', 'immunization', 'device', 'device_use_statement', 'coverage', 'claim',
    'explanation_of_benefit', 'specimen', 'document_reference', 'diagnostic_report', 'imaging_study',
    'allergy_intolerance', 'resource', 'appointment',
] -%}

with

patients as (
    select * from {{ ref('stg_fhir_test_patient') }}
),

live as (
    select * from {{ ref('int_landed_key') }}
    where not is_deleted and not is_withdrawn
),

naming as (
    {%- for table in tables %}
        {%- set column = 'participants.patient_key' if table == 'appointment' else 'patient_key' %}
        {{ 'union all' if not loop.first }}
        select
            'fhir_{{ table }}' as lake_table,
            site,
            _key,
            unnest({{ key_list([column]) }}) as reference_key
        from {{ source('ehr_fhir', 'fhir_' ~ table) }}
    {%- endfor %}
),

final as (
    select distinct
        naming.lake_table,
        naming.site,
        naming._key,
        'of a test patient' as left_out
    from naming
    inner join patients on naming.site = patients.site and naming.reference_key = patients.reference_key
    inner join live
        on naming.lake_table = live.lake_table and naming.site = live.site and naming._key = live._key
)

select * from final
