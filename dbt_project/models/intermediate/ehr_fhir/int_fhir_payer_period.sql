with

coverages as (
    select * from {{ ref('stg_fhir_coverage') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

linked as (
    select
        coverages.site,
        'fhir_coverage' as lake_table,
        coverages.coverage_key,
        links.person_key,
        coverages.started_at,
        -- Open cover ends, for now, when its latest record arrived.
        greatest(coverages.started_at, coalesce(coverages.ended_at, coverages._arrived_at)) as ended_at,
        coalesce(coverages.type_code, coverages.payer_class) as payer_code,
        coverages.plan_code,
        coverages.family_key,
        coverages._arrived_at
    from coverages
    left join links on coverages.site = links.site and coverages.patient_key = links.reference_key
),

final as (
    select
        *,
        {{ left_out({'no person': 'person_key is null', 'no date': 'started_at is null'}) }} as left_out
    from linked
)

select * from final
