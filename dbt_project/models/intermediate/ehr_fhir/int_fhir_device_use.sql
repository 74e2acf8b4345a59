with

uses as (
    select
        *,
        'fhir_device_use_statement' as lake_table,
        device_use_statement_key as use_key
    from {{ ref('stg_fhir_device_use_statement') }}
),

procedures as (
    select * from {{ ref('int_fhir_procedure') }}
    where device_key is not null and left_out is null
),

devices as (
    select * from {{ ref('stg_fhir_device') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

providers as (
    select * from {{ ref('int_provider_link') }}
),

stated as (
    select
        uses.site,
        uses.lake_table,
        uses.use_key,
        uses.device_key,
        links.person_key,
        coalesce(people.provider_key, roles.provider_key) as provider_key,
        uses.started_at,
        uses.ended_at,
        uses._arrived_at
    from uses
    left join links on uses.site = links.site and uses.patient_key = links.reference_key
    left join providers as people on uses.site = people.site and uses.source_key = people.reference_key
    left join providers as roles on uses.site = roles.site and uses.source_role_key = roles.reference_key
),

handled as (
    select
        site,
        lake_table,
        procedure_key as use_key,
        device_key,
        person_key,
        provider_key,
        visit_key,
        started_at,
        _arrived_at
    from procedures
),

used as (
    select * from stated
    union all by name
    select * from handled
),

final as (
    select
        used.*,
        devices.code_system,
        devices.code,
        devices.udi_key,
        {{ left_out({'no person': 'used.person_key is null', 'no date': 'used.started_at is null'}) }}
            as left_out
    from used
    left join devices on used.site = devices.site and used.device_key = devices.device_key
)

select * from final
