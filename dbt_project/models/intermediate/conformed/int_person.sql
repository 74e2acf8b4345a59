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

final as (
    select
        {{ person_id('persons.site', 'persons.person_key') }} as person_id,
        persons.*,
        coalesce(genders.source_concept_id, 0) as gender_source_concept_id,
        coalesce(races.source_concept_id, 0) as race_source_concept_id,
        coalesce(ethnicities.source_concept_id, 0) as ethnicity_source_concept_id,
        coalesce({{ concept_in('genders', 'Gender') }}, 0) as gender_concept_id,
        coalesce({{ concept_in('races', 'Race') }}, 0) as race_concept_id,
        coalesce({{ concept_in('ethnicities', 'Ethnicity') }}, 0) as ethnicity_concept_id
    from persons
    {{ join_concept('genders', 'persons.gender_system', 'persons.gender_code') }}
    {{ join_concept('races', 'persons.race_system', 'persons.race_code') }}
    {{ join_concept('ethnicities', 'persons.ethnicity_system', 'persons.ethnicity_code') }}
)

select * from final
