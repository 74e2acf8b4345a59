{{ config(materialized = 'ephemeral') }}

with

covered as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_payer_period') }}
    where left_out is null
),

-- Where the record system tells a person's cover, messages would tell it again.
told as (
    select
        periods.*,
        'hl7v2' as feed
    from {{ ref('int_hl7_payer_period') }} as periods
    anti join covered on periods.site = covered.site and periods.person_key = covered.person_key
),

final as (
    select * from covered
    union all by name
    select * from told
    union all by name
    select
        *,
        'x12_837' as feed
    from {{ ref('int_x12_payer_period') }}
    union all by name
    select
        *,
        'synthea_csv' as feed
    from {{ ref('int_synthea_payer_period') }}
)

select * from final
