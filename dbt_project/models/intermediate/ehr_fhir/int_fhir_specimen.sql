with

specimens as (
    select * from {{ ref('stg_fhir_specimen') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

linked as (
    select
        specimens.site,
        'fhir_specimen' as lake_table,
        specimens.specimen_key,
        links.person_key,
        specimens.code_system,
        specimens.code,
        specimens.collected_at,
        specimens.quantity,
        specimens.quantity_unit,
        specimens.body_site_system,
        specimens.body_site_code,
        specimens.condition_code,
        specimens._arrived_at
    from specimens
    left join links on specimens.site = links.site and specimens.patient_key = links.reference_key
),

final as (
    select
        *,
        {{ left_out({'no person': 'person_key is null', 'no date': 'collected_at is null'}) }} as left_out
    from linked
)

select * from final
