with

known as (
    select * from {{ ref('int_person') }}
),

published as (
    {{ published('known', [], more = {
        'birth_date': 'persons.birth_date',
        'is_birth_date_surrogate': 'known.is_birth_date_surrogate or persons.is_aggregated',
    }) }}
),

final as (
    select
        person_id,
        cast(gender_concept_id as integer) as gender_concept_id,
        cast(coalesce(year(birth_date), 0) as integer) as year_of_birth,
        cast(case when not is_birth_date_surrogate then month(birth_date) end as integer) as month_of_birth,
        cast(case when not is_birth_date_surrogate then day(birth_date) end as integer) as day_of_birth,
        cast(case when not is_birth_date_surrogate then birth_date end as timestamp) as birth_datetime,
        cast(race_concept_id as integer) as race_concept_id,
        cast(ethnicity_concept_id as integer) as ethnicity_concept_id,
        {{ person_location_id('site', 'state', 'zip3') }} as location_id,
        cast(null as bigint) as provider_id,
        cast(null as bigint) as care_site_id,
        person_key[1:50] as person_source_value,
        gender_code[1:50] as gender_source_value,
        cast(gender_source_concept_id as integer) as gender_source_concept_id,
        race_code[1:50] as race_source_value,
        cast(race_source_concept_id as integer) as race_source_concept_id,
        ethnicity_code[1:50] as ethnicity_source_value,
        cast(ethnicity_source_concept_id as integer) as ethnicity_source_concept_id
    from published
)

select * from final
