with

notes as (
    select * from {{ ref('int_fhir_note') }}
    where left_out is null
),

visits as (
    select
        site,
        visit_key,
        visit_occurrence_id
    from {{ ref('int_visit') }}
),

final as (
    select
        {{ record_id('notes.site', "'ehr_fhir'", 'notes.note_key') }} as note_id,
        {{ person_id('notes.site', 'notes.person_key') }} as person_id,
        cast(notes.written_at as date) as note_date,
        {{ utc('notes.written_at') }} as note_datetime,
        cast(32817 as integer) as note_type_concept_id,
        cast(0 as integer) as note_class_concept_id,
        cast(null as varchar) as note_title,
        notes.scrubbed_text as note_text,
        cast(0 as integer) as encoding_concept_id,
        cast(0 as integer) as language_concept_id,
        cast(null as bigint) as provider_id,
        visits.visit_occurrence_id,
        cast(null as bigint) as visit_detail_id,
        notes.code[1:50] as note_source_value,
        cast(null as bigint) as note_event_id,
        cast(null as integer) as note_event_field_concept_id
    from notes
    left join visits on notes.site = visits.site and notes.visit_key = visits.visit_key
)

select * from final
