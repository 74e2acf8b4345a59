with

deaths as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_death') }}
    union all by name
    select
        *,
        'nhamcs_ed' as feed
    from {{ ref('int_nhamcs_death') }}
),

final as (
    select
        {{ person_id('deaths.site', 'deaths.person_key') }} as person_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        deaths.*
    from deaths
    {{ join_concept('types', "'feed'", 'deaths.feed') }}
)

select * from final
