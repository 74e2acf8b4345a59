{{ config(materialized = 'ephemeral') }}

{#- A record's own key goes first, then a number of one's own, any other number, a claim's member number. -#}
{%- set by_key, by_number, by_other, by_member = 1, 2, 3, 4 -%}

with

patients as (
    select
        *,
        coalesce(mrn_key, patient_key) as record_key
    from {{ ref('stg_fhir_patient') }}
),

messages as (
    select
        site,
        patient_key as record_key,
        identifiers
    from {{ ref('stg_hl7_adt') }}
    union all
    select
        site,
        patient_key as record_key,
        identifiers
    from {{ ref('stg_hl7_oru') }}
),

named as (
    select
        site,
        unnest(people) as person
    from {{ ref('stg_hl7_adt') }}
    where len(people) > 1
),

observed as (
    select
        site,
        unnest(results) as result
    from {{ ref('stg_hl7_oru') }}
),

numbered as (
    select
        site,
        record_key,
        unnest(identifiers) as identifier
    from patients
    union all
    select
        site,
        record_key,
        unnest(identifiers) as identifier
    from messages
),

merged as (
    select
        messages.site,
        unnest(messages.merges) as retired
    from {{ ref('stg_hl7_adt') }} as messages
    where messages.event_code in {{ person_merge_events() }}
),

claims as (
    select
        site,
        coalesce(mrn_key, patient_key) as record_key,
        patient_key
    from {{ ref('stg_x12_claim') }}
),

records as (
    select
        site,
        record_key,
        patient_key as reference_key,
        {{ by_key }} as precedence
    from patients
    union
    select
        site,
        record_key,
        mrn_key as reference_key,
        {{ by_number }} as precedence
    from patients
    union
    select
        site,
        record_key,
        identifier_key as reference_key,
        {{ by_other }} as precedence
    from patients
    union
    select
        site,
        record_key,
        identifier.patient_key as reference_key,
        case when {{ is_own_number('identifier.type_code') }} then {{ by_number }} else {{ by_other }} end
            as precedence
    from numbered
    union
    select
        site,
        record_key,
        record_key as reference_key,
        {{ by_number }} as precedence
    from messages
    union
    select
        site,
        person.patient_key as record_key,
        person.patient_key as reference_key,
        {{ by_number }} as precedence
    from named
    union
    select
        site,
        result.patient_key as record_key,
        result.patient_key as reference_key,
        {{ by_number }} as precedence
    from observed
    union
    select
        site,
        retired.prior_patient_key as record_key,
        retired.prior_patient_key as reference_key,
        {{ by_number }} as precedence
    from merged
    union
    select
        site,
        retired.patient_key as record_key,
        retired.patient_key as reference_key,
        {{ by_number }} as precedence
    from merged
    union
    select
        site,
        mrn_key as record_key,
        mrn_key as reference_key,
        {{ by_number }} as precedence
    from {{ ref('stg_dicom_instance') }}
    union
    select
        site,
        record_key,
        record_key as reference_key,
        {{ by_number }} as precedence
    from claims
    union
    select
        site,
        record_key,
        patient_key as reference_key,
        {{ by_member }} as precedence
    from claims
),

final as (
    select
        *,
        precedence <= {{ by_number }} as is_own
    from records
    where record_key is not null and reference_key is not null
)

select * from final
