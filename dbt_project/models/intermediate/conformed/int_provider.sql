{{ config(materialized = 'ephemeral') }}

with

providers as (
    select * from {{ ref('int_fhir_provider') }}
),

concepts as (
    select * from {{ ref('concept_map') }}
),

final as (
    select
        {{ provider_id('providers.site', 'providers.provider_key') }} as provider_id,
        case when providers.gender_code is not null then coalesce(genders.concept_id, 0) end
            as gender_concept_id,
        case when providers.specialty_code is not null then coalesce(specialties.concept_id, 0) end
            as specialty_concept_id,
        providers.*
    from providers
    left join concepts as genders
        on
            genders.domain = 'gender' and genders.system = 'FHIR administrative-gender'
            and providers.gender_code = genders.code
    left join concepts as specialties
        on
            specialties.domain = 'specialty' and providers.specialty_system = specialties.system
            and providers.specialty_code = specialties.code
)

select * from final
