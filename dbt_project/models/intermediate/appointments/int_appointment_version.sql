{#- Read from the files themselves, each once: staging has the newest version alone. -#}
{{ config(
    materialized = 'incremental', incremental_strategy = 'keys', on_schema_change = 'fail',
    unique_key = ['lake_table', 'site', '_key', '_file', '_line'],
) }}
{%- do source('appointments', 'clinic_appointment') -%}
{%- do source('ehr_fhir', 'fhir_appointment') -%}

with

clinic as (
    select * from lake_arrived.clinic_appointment
),

fhir as (
    select * from lake_arrived.fhir_appointment
),

final as (
    select
        'clinic_appointment' as lake_table,
        site,
        _key,
        'appointments' as feed,
        appointment_key,
        starts_at,
        clinic_code as service,
        coalesce(_version_at, _arrived_at) as told_at,
        _arrived_at,
        _line,
        _file
    from clinic
    where not _is_deleted and appointment_key is not null
    union all
    select
        'fhir_appointment' as lake_table,
        site,
        _key,
        'ehr_fhir' as feed,
        appointment_key,
        started_at as starts_at,
        coalesce(service_type_code, specialty_code) as service,
        coalesce(_version_at, _arrived_at) as told_at,
        _arrived_at,
        _line,
        _file
    from fhir
    where not _is_deleted and appointment_key is not null
)

select * from final
