with

measurements as (
    select * from {{ ref('int_measurement') }}
    where omop_table = 'measurement'
    union all by name
    select * from {{ ref('int_routed') }}
    where omop_table = 'measurement'
),

published as (
    {{ published('measurements', ['occurred_at'], more = {
        'value_number': published_number('measurements'),
        'value_source': published_text('measurements', 'value_source'),
        'value_text': published_text('measurements', 'value_text'),
    }) }}
),

final as (
    select
        row_id as measurement_id,
        person_id,
        cast(concept_id as integer) as measurement_concept_id,
        {{ local_date('site', 'occurred_at') }} as measurement_date,
        {{ utc('occurred_at') }} as measurement_datetime,
        cast(null as varchar) as measurement_time,
        cast(type_concept_id as integer) as measurement_type_concept_id,
        {{ operator_concept_id('value_comparator', 'value_number') }} as operator_concept_id,
        value_number as value_as_number,
        cast(coalesce(value_concept_id, case when value_code is not null then 0 end) as integer)
            as value_as_concept_id,
        cast(unit_concept_id as integer) as unit_concept_id,
        range_low,
        range_high,
        cast(null as bigint) as provider_id,
        visit_occurrence_id,
        cast(null as bigint) as visit_detail_id,
        code[1:50] as measurement_source_value,
        cast(source_concept_id as integer) as measurement_source_concept_id,
        unit_code[1:50] as unit_source_value,
        cast(coalesce(unit_source_concept_id, 0) as integer) as unit_source_concept_id,
        coalesce(
            nullif(value_source, ''), {{ said_number('value_comparator', 'value_number') }}, value_code,
            value_text
        )[1:50]
            as value_source_value,
        cast(null as bigint) as measurement_event_id,
        cast(null as integer) as meas_event_field_concept_id
    from published
)

select * from final
