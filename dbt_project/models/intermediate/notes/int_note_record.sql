{#- Records whose texts are scrubbed: lake table, model, person, visit, code, when written. -#}
{%- set messages = [('hl7v2_adt', 'stg_hl7_adt'), ('hl7v2_oru', 'stg_hl7_oru'), ('hl7v2_siu', 'stg_hl7_siu'),
    ('hl7v2_message', 'stg_hl7_message')] -%}
with

records as (
    select
        site,
        'fhir_document_reference' as lake_table,
        _key,
        _content,
        patient_key,
        encounter_key as visit_reference_key,
        code,
        coalesce(period_started_at, written_at) as written_at
    from {{ ref('stg_fhir_document_reference') }}
    union all by name
    select
        site,
        'fhir_diagnostic_report' as lake_table,
        _key,
        _content,
        patient_key,
        encounter_key as visit_reference_key,
        code,
        coalesce(effective_at, issued_at) as written_at
    from {{ ref('stg_fhir_diagnostic_report') }}
    union all by name
    select
        site,
        'triage_note' as lake_table,
        _key,
        _content,
        mrn_key as patient_key,
        coalesce(encounter_key, visit_number_key) as visit_reference_key,
        written_at
    from {{ ref('stg_triage_note') }}
    {%- for lake_table, model in messages %}
        {%- set recorded = lake_table in ('hl7v2_message', 'hl7v2_adt') %}
        union all by name
        select
            site,
            '{{ lake_table }}' as lake_table,
            _key,
            _content,
            patient_key,
            visit_key as visit_reference_key,
            {{ 'coalesce(recorded_at, message_at)' if recorded else 'message_at' }} as written_at
        from {{ ref(model) }}
    {%- endfor %}
),

persons as (
    select * from {{ ref('int_person_link') }}
),

links as (
    select * from {{ ref('int_visit_link') }}
),

visits as (
    select
        site,
        visit_key,
        person_key,
        visit_occurrence_id
    from {{ ref('int_visit') }}
),

final as (
    select
        records.site,
        records.lake_table,
        records._key,
        records._content,
        records.code,
        records.written_at,
        links.visit_key,
        coalesce(persons.person_key, visits.person_key) as person_key,
        case
            when coalesce(persons.person_key, visits.person_key) = visits.person_key
                then visits.visit_occurrence_id
        end as visit_occurrence_id
    from records
    left join persons on records.site = persons.site and records.patient_key = persons.reference_key
    left join links on records.site = links.site and records.visit_reference_key = links.reference_key
    left join visits on links.site = visits.site and links.visit_key = visits.visit_key
)

select * from final
