{%- set bound -%}
    case when value_comparator is not null then {{ said_number('value_comparator', 'value_number') }} end
{%- endset -%}

with

observations as (
    select * from {{ ref('int_observation') }}
    where omop_table = 'observation'
    union all by name
    select * from {{ ref('int_routed') }}
    where omop_table = 'observation'
),

published as (
    {{ published('observations', ['occurred_at'], more = {
        'value_number': published_number('observations'),
        'value_text': published_text('observations', 'value_text'),
    }) }}
),

final as (
    select
        row_id as observation_id,
        person_id,
        cast(concept_id as integer) as observation_concept_id,
        {{ local_date('site', 'occurred_at') }} as observation_date,
        {{ utc('occurred_at') }} as observation_datetime,
        cast(type_concept_id as integer) as observation_type_concept_id,
        -- There is no operator here: a number that is only a bound is said as text.
        case when value_comparator is null then value_number end as value_as_number,
        coalesce(value_text, {{ bound }})[1:60] as value_as_string,
        cast(coalesce(value_concept_id, case when value_code is not null then 0 end) as integer)
            as value_as_concept_id,
        cast(null as integer) as qualifier_concept_id,
        cast(unit_concept_id as integer) as unit_concept_id,
        {{ provider_id('site', 'provider_key') }} as provider_id,
        visit_occurrence_id,
        cast(null as bigint) as visit_detail_id,
        code[1:50] as observation_source_value,
        cast(source_concept_id as integer) as observation_source_concept_id,
        unit_code[1:50] as unit_source_value,
        qualifier[1:50] as qualifier_source_value,
        coalesce(value_code, value_text, {{ bound }})[1:50] as value_source_value,
        case
            when procedure_key is not null
                then {{ record_id('site', 'coalesce(procedure_feed, feed)', 'procedure_key') }}
        end
            as observation_event_id,
        -- procedure_occurrence.procedure_occurrence_id
        cast(case when procedure_key is not null then 1147082 end as integer) as obs_event_field_concept_id
    from published
)

select * from final
