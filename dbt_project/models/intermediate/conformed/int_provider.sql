{{ config(materialized = 'ephemeral') }}

with

described as (
    select * from {{ ref('int_fhir_provider') }}
    union all by name
    select * from {{ ref('int_synthea_provider') }}
),

-- Clinicians whom only claims name.
billed as (
    select distinct
        named.site,
        named.provider_key
    from {{ ref('int_person_provider') }} as named
    anti join described on named.site = described.site and named.provider_key = described.provider_key
),

providers as (
    select * from described
    union all by name
    select * from billed
),

final as (
    select
        {{ provider_id('providers.site', 'providers.provider_key') }} as provider_id,
        case
            when providers.gender_code is not null then coalesce({{ concept_in('genders', 'Gender') }}, 0)
        end as gender_concept_id,
        case
            when providers.specialty_code is not null
                then coalesce({{ concept_in('specialties', 'Provider') }}, 0)
        end as specialty_concept_id,
        case when providers.specialty_code is not null then coalesce(specialties.source_concept_id, 0) end
            as specialty_source_concept_id,
        providers.*
    from providers
    {{ join_concept('genders', "'FHIR administrative-gender'", 'providers.gender_code', 'providers.site') }}
    {{ join_concept(
        'specialties', 'providers.specialty_system', 'providers.specialty_code', 'providers.site'
    ) }}
)

select * from final
