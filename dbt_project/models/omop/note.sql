with

notes as (
    select * from {{ ref('int_note') }}
    where left_out is null
),

published as (
    {{ published('notes', ['written_at'], person = person_id('notes.site', 'notes.person_key')) }}
),

final as (
    select
        {{ record_id('site', "'note_text'", '_key') }} as note_id,
        {{ person_id('site', 'person_key') }} as person_id,
        {{ local_date('site', 'written_at') }} as note_date,
        {{ utc('written_at') }} as note_datetime,
        cast(32817 as integer) as note_type_concept_id,
        cast(0 as integer) as note_class_concept_id,
        part as note_title,
        note_text,
        cast(0 as integer) as encoding_concept_id,
        cast(0 as integer) as language_concept_id,
        cast(null as bigint) as provider_id,
        visit_occurrence_id,
        cast(null as bigint) as visit_detail_id,
        coalesce(code, source_table)[1:50] as note_source_value,
        cast(null as bigint) as note_event_id,
        cast(null as integer) as note_event_field_concept_id
    from published
)

select * from final
