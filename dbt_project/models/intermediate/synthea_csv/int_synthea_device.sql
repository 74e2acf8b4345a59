with

devices as (
    select
        site,
        'synthea_device' as lake_table,
        device_key as use_key,
        encounter_key as visit_key,
        patient_key as person_key,
        code,
        started_at,
        ended_at,
        udi_key,
        _arrived_at
    from {{ ref('stg_synthea_device') }}
),

supplies as (
    select
        site,
        'synthea_supply' as lake_table,
        supply_key as use_key,
        encounter_key as visit_key,
        patient_key as person_key,
        code,
        {{ midnight('site', 'supplied_on') }} as started_at,
        {{ midnight('site', 'supplied_on') }} as ended_at,
        _arrived_at
    from {{ ref('stg_synthea_supply') }}
),

uses as (
    select * from devices
    union all by name
    select * from supplies
),

final as (
    select
        *,
        cast(null as varchar) as left_out,
        'SNOMED' as code_system,
        cast(null as varchar) as provider_key
    from uses
)

select * from final
