{%- set numbers = ['patient_key', 'mrn_key', 'identifier_key', 'identifiers.patient_key'] -%}
{#- A number that an unmarked patient has too names no test patient. -#}
with

source as (
    select * from {{ source('ehr_fhir', 'fhir_patient') }}
),

latest as (
    {{ latest_version('source') }}
),

named as (
    select
        latest.site,
        {{ is_for_practice('latest.test_code is not null') }} as is_test,
        unnest({{ key_list(numbers) }}) as reference_key
    from latest
    where not latest._is_deleted
),

final as (
    select
        site,
        reference_key
    from named
    where reference_key is not null
    group by site, reference_key
    having bool_and(is_test)
)

select * from final
