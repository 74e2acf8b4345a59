with

encounters as (
    select * from {{ ref('stg_fhir_encounter') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

providers as (
    select * from {{ ref('int_fhir_place') }}
),

stays as (
    select
        site,
        visit_key,
        arg_min_null(unit_code, position) in ('ER', 'ETU') as starts_in_emergency,
        coalesce(
            arg_min(unit, position) filter (where unit_code in ('ER', 'ETU')), arg_min(unit, position)
        ) as unit
    from {{ ref('int_fhir_visit_detail') }}
    group by site, visit_key
),

final as (
    select
        encounters.*,
        coalesce(links.person_key, encounters.patient_key, encounters.encounter_key) as person_key,
        coalesce(providers.care_site_key, encounters.provider_org_key) as care_site_key,
        coalesce(encounters.started_at, encounters.ended_at, encounters._version_at, encounters._arrived_at)
            as begun_at,
        stays.unit,
        coalesce(encounters.class_code = 'EMER', false)
        or coalesce(encounters.admit_source_code = 'emd', false)
        or coalesce(stays.starts_in_emergency, false) as starts_in_emergency,
        coalesce(encounters.class_code in ('IMP', 'ACUTE', 'NONAC'), false) as is_inpatient
    from encounters
    left join links on encounters.site = links.site and encounters.patient_key = links.reference_key
    left join providers
        on encounters.site = providers.site and encounters.provider_org_key = providers.reference_key
    left join stays on encounters.site = stays.site and encounters.encounter_key = stays.visit_key
)

select * from final
