{{ config(materialized='table') }}

with

clinic as (
    {{ lake_history('clinic_appointment') }}
),

fhir as (
    {{ lake_history('fhir_appointment') }}
),

final as (
    select
        site,
        'appointments' as feed,
        appointment_key,
        starts_at,
        clinic_code as service,
        coalesce(_version_at, _arrived_at) as told_at,
        _arrived_at,
        _line
    from clinic
    where not _is_deleted and appointment_key is not null
    union all
    select
        site,
        'ehr_fhir' as feed,
        appointment_key,
        started_at as starts_at,
        coalesce(service_type_code, specialty_code) as service,
        coalesce(_version_at, _arrived_at) as told_at,
        _arrived_at,
        _line
    from fhir
    where not _is_deleted and appointment_key is not null
)

select * from final
