with

visits as (
    select * from {{ ref('stg_nhamcs_visit') }}
),

final as (
    select
        site,
        visit_key as person_key,
        cast(visit_date - to_years(cast(age_years as integer)) as date) as birth_date,
        true as is_birth_date_surrogate,
        'NHAMCS-SEX' as gender_system,
        cast(sex as varchar) as gender_code,
        'NHAMCS-RACERETH' as race_system,
        cast(race_ethnicity as varchar) as race_code,
        'NHAMCS-ETHNICITY' as ethnicity_system,
        cast(race_ethnicity as varchar) as ethnicity_code,
        cast(null as varchar) as language_code,
        cast(null as varchar) as state,
        false as is_placeholder,
        _arrived_at
    from visits
)

select * from final
