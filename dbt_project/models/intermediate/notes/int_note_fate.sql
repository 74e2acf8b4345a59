{#- Records that should hold a text; a message that holds none has no home in OMOP. -#}
{%- set documents = "('fhir_document_reference', 'fhir_diagnostic_report', 'triage_note')" -%}
with

texts as (
    select
        told.*,
        placed.note_id
    from {{ ref('int_note') }} as told
    left join {{ ref('note') }} as placed
        on placed.note_id = {{ record_id('told.site', "'note_text'", 'told._key') }}
),

of_records as (
    select
        records.site,
        records._key,
        records.lake_table,
        case when bool_or(texts.note_id is not null) then 'note' end as omop_table,
        case
            when bool_or(texts.note_id is not null) then null
            when records.lake_table = 'hl7v2_message' then 'no home in OMOP'
            when bool_or(records.person_key is null) then 'no person'
            when count(texts._key) > 0 then min(texts.left_out)
            when bool_or(records.written_at is null) then 'no date'
            else 'text not scrubbed'
        end as left_out
    from {{ ref('int_note_record') }} as records
    left join texts
        on
            records.site = texts.site and records.lake_table = texts.source_table
            and records._key = texts.source_key and texts.is_current
    where records.lake_table in {{ documents }} or records.lake_table = 'hl7v2_message'
    group by records.site, records._key, records.lake_table
),

of_texts as (
    select
        site,
        _key,
        'note_text' as lake_table,
        case when note_id is not null then 'note' end as omop_table,
        left_out
    from texts
),

final as (
    select * from of_records
    union all by name
    select * from of_texts
)

select * from final
