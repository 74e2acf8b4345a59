with

messages as (
    select
        site,
        person_key,
        coalesce(deceased_at, death_said_at, _arrived_at) as died_at,
        {{ has_clock('site', 'deceased_at') }} as has_death_time,
        _arrived_at
    from {{ ref('int_hl7_person') }}
    where is_deceased
),

claims as (
    select
        site,
        person_key,
        {{ midnight('site', 'death_date') }} as died_at,
        false as has_death_time,
        _arrived_at
    from {{ ref('int_x12_person') }}
    where death_date is not null
),

reports as (
    select
        *,
        'ehr_fhir' as feed,
        1 as precedence
    from {{ ref('int_fhir_death') }}
    union all by name
    select
        *,
        'nhamcs_ed' as feed,
        2 as precedence
    from {{ ref('int_nhamcs_death') }}
    union all by name
    select
        *,
        'hl7v2' as feed,
        3 as precedence
    from messages
    union all by name
    select
        *,
        'x12_837' as feed,
        4 as precedence
    from claims
    union all by name
    select
        *,
        'synthea_csv' as feed,
        5 as precedence
    from {{ ref('int_synthea_death') }}
),

-- One death: of the feed that is believed first.
deaths as (
    select * exclude (precedence)
    from reports
    qualify row_number() over (partition by site, person_key order by precedence) = 1
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
