with

documents as (
    select
        site,
        'fhir_document_reference' as lake_table,
        document_reference_key as note_key,
        patient_key,
        encounter_key,
        code,
        coalesce(period_started_at, written_at) as written_at
    from {{ ref('stg_fhir_document_reference') }}
    union all by name
    select
        site,
        'fhir_diagnostic_report' as lake_table,
        diagnostic_report_key as note_key,
        patient_key,
        encounter_key,
        code,
        coalesce(effective_at, issued_at) as written_at
    from {{ ref('stg_fhir_diagnostic_report') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

linked as (
    select
        documents.site,
        documents.lake_table,
        documents.note_key,
        documents.encounter_key as visit_key,
        links.person_key,
        documents.code,
        documents.written_at,
        -- The text is not landed: it stays in the landing zone until it is scrubbed.
        cast(null as varchar) as scrubbed_text
    from documents
    left join links on documents.site = links.site and documents.patient_key = links.reference_key
),

final as (
    select
        *,
        {{ left_out({
            'text not scrubbed': 'scrubbed_text is null',
            'no person': 'person_key is null',
            'no date': 'written_at is null',
        }) }} as left_out
    from linked
)

select * from final
