with

texts as (
    select * from {{ ref('stg_note_text') }}
),

records as (
    select * from {{ ref('int_note_record') }}
),

linked as (
    select
        texts.site,
        texts._key,
        texts.source_table,
        texts.source_key,
        texts.part,
        texts.note_text,
        texts.withheld_reason,
        records._key is not null as is_current,
        records.person_key,
        records.visit_occurrence_id,
        records.code,
        records.written_at
    from texts
    left join records
        on
            texts.site = records.site and texts.source_table = records.lake_table
            and texts.source_key = records._key and texts.source_content = records._content
),

final as (
    select
        *,
        {{ left_out({
            'of an earlier version of its record': 'not is_current',
            'no person': 'person_key is null',
            'no date': 'written_at is null',
            'text withheld': 'note_text is null',
        }) }} as left_out
    from linked
)

select * from final
