with

drugs as (
    select * from {{ ref('int_drug') }}
    where omop_table = 'drug_exposure'
    union all by name
    select * from {{ ref('int_routed') }}
    where omop_table = 'drug_exposure'
),

published as (
    {{ published('drugs', ['started_at', 'ended_at']) }}
),

dated as (
    select
        *,
        -- The end as stated, else of the supply, else the day it began; an end before the start is none.
        {{ local_date('site', 'started_at') }} as start_date,
        greatest(
            {{ local_date('site', 'started_at') }},
            coalesce(
                {{ local_date('site', 'ended_at') }},
                {{ local_date('site', 'started_at') }} + (days_supply - 1)
            )
        ) as end_date
    from published
),

final as (
    select
        row_id as drug_exposure_id,
        person_id,
        cast(concept_id as integer) as drug_concept_id,
        start_date as drug_exposure_start_date,
        {{ utc('started_at') }} as drug_exposure_start_datetime,
        cast(end_date as date) as drug_exposure_end_date,
        case when ended_at >= started_at then {{ utc('ended_at') }} end as drug_exposure_end_datetime,
        {{ local_date('site', 'ended_at') }} as verbatim_end_date,
        cast(type_concept_id as integer) as drug_type_concept_id,
        stop_reason[1:20] as stop_reason,
        cast(refills as integer) as refills,
        quantity,
        days_supply,
        cast(null as varchar) as sig,
        cast(route_concept_id as integer) as route_concept_id,
        lot_number[1:50] as lot_number,
        {{ provider_id('site', 'provider_key') }} as provider_id,
        visit_occurrence_id,
        cast(null as bigint) as visit_detail_id,
        code[1:50] as drug_source_value,
        cast(source_concept_id as integer) as drug_source_concept_id,
        route_code[1:50] as route_source_value,
        dose_unit[1:50] as dose_unit_source_value
    from dated
)

select * from final
