with

procedures as (
    select * from {{ ref('int_procedure') }}
    where omop_table = 'procedure_occurrence'
    union all by name
    select * from {{ ref('int_routed') }}
    where omop_table = 'procedure_occurrence'
),

published as (
    {{ published('procedures', ['started_at', 'ended_at']) }}
),

final as (
    select
        row_id as procedure_occurrence_id,
        person_id,
        cast(concept_id as integer) as procedure_concept_id,
        {{ local_date('site', 'started_at') }} as procedure_date,
        {{ utc('started_at') }} as procedure_datetime,
        {{ local_date('site', 'ended_at') }} as procedure_end_date,
        {{ utc('ended_at') }} as procedure_end_datetime,
        cast(type_concept_id as integer) as procedure_type_concept_id,
        cast(null as integer) as modifier_concept_id,
        cast(quantity as integer) as quantity,
        {{ provider_id('site', 'provider_key') }} as provider_id,
        visit_occurrence_id,
        cast(null as bigint) as visit_detail_id,
        code[1:50] as procedure_source_value,
        cast(source_concept_id as integer) as procedure_source_concept_id,
        nullif(modifiers, '')[1:50] as modifier_source_value
    from published
)

select * from final
