with

devices as (
    select * from {{ ref('int_device') }}
    where omop_table = 'device_exposure'
    union all by name
    select * from {{ ref('int_routed') }}
    where omop_table = 'device_exposure'
),

published as (
    {{ published('devices', ['started_at', 'ended_at']) }}
),

final as (
    select
        row_id as device_exposure_id,
        person_id,
        cast(concept_id as integer) as device_concept_id,
        {{ local_date('site', 'started_at') }} as device_exposure_start_date,
        {{ utc('started_at') }} as device_exposure_start_datetime,
        {{ local_date('site', 'ended_at') }} as device_exposure_end_date,
        {{ utc('ended_at') }} as device_exposure_end_datetime,
        cast(type_concept_id as integer) as device_type_concept_id,
        udi_key[1:255] as unique_device_id,
        cast(null as varchar) as production_id,
        cast(1 as integer) as quantity,
        {{ provider_id('site', 'provider_key') }} as provider_id,
        visit_occurrence_id,
        cast(null as bigint) as visit_detail_id,
        code[1:50] as device_source_value,
        cast(source_concept_id as integer) as device_source_concept_id,
        cast(null as integer) as unit_concept_id,
        cast(null as varchar) as unit_source_value,
        cast(null as integer) as unit_source_concept_id
    from published
)

select * from final
