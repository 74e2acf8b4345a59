with

persons as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_person') }}
    union all by name
    select
        *,
        'nhamcs_ed' as feed
    from {{ ref('int_nhamcs_person') }}
),

concepts as (
    select * from {{ ref('concept_map') }}
),

final as (
    select
        {{ person_id('persons.site', 'persons.person_key') }} as person_id,
        persons.*,
        coalesce(genders.concept_id, 0) as gender_concept_id,
        coalesce(races.concept_id, 0) as race_concept_id,
        coalesce(ethnicities.concept_id, 0) as ethnicity_concept_id
    from persons
    left join concepts as genders
        on
            genders.domain = 'gender'
            and persons.gender_system = genders.system
            and persons.gender_code = genders.code
    left join concepts as races
        on races.domain = 'race' and persons.race_system = races.system and persons.race_code = races.code
    left join concepts as ethnicities
        on
            ethnicities.domain = 'ethnicity' and persons.ethnicity_system = ethnicities.system
            and persons.ethnicity_code = ethnicities.code
)

select * from final
