{#- Feeds in the order in which they are believed, field by field; what a feed does not say another may. -#}
{%- set feeds = {
    'ehr_fhir': 'int_fhir_person', 'nhamcs_ed': 'int_nhamcs_person', 'hl7v2': 'int_hl7_person',
    'x12_837': 'int_x12_person', 'dicom': 'int_dicom_person', 'synthea_csv': 'int_synthea_person',
} -%}
{%- set coded = ['gender', 'race', 'ethnicity'] -%}
{%- set unknown = "('unknown', 'U', 'UNK', 'N', 'A')" -%}

with

said as (
    {%- for feed, model in feeds.items() %}
        select
            *,
            '{{ feed }}' as feed,
            {{ loop.index }} as precedence
        from {{ ref(model) }}
        {{ 'union all by name' if not loop.last }}
    {%- endfor %}
),

persons as (
    select
        site,
        person_key,
        arg_min(feed, precedence) as feed,
        arg_min(birth_date, precedence) filter (where birth_date is not null) as birth_date,
        coalesce(
            arg_min(is_birth_date_surrogate, precedence) filter (where birth_date is not null), false
        ) as is_birth_date_surrogate,
        {%- for field in coded %}
            arg_min(
                struct_pack(system := {{ field }}_system, code := {{ field }}_code),
                ({{ field }}_code in {{ unknown }}, precedence)
            ) filter (where {{ field }}_code is not null) as {{ field }},
        {%- endfor %}
        arg_min(language_code, precedence) filter (where language_code is not null) as language_code,
        arg_min(state, precedence) filter (where state is not null) as state,
        arg_min(zip3, precedence) filter (where zip3 is not null) as zip3,
        bool_and(is_placeholder) as is_placeholder,
        arg_min(_arrived_at, precedence) filter (where _arrived_at is not null) as _arrived_at
    from said
    group by site, person_key
),

-- Of somebody whom only results name nothing is known.
known as (
    select * from persons
    union all by name
    select distinct
        links.site,
        links.person_key,
        false as is_birth_date_surrogate,
        false as is_placeholder
    from {{ ref('int_person_link') }} as links
    anti join persons on links.site = persons.site and links.person_key = persons.person_key
),

final as (
    select
        {{ person_id('known.site', 'known.person_key') }} as person_id,
        known.* exclude (gender, race, ethnicity, state, zip3),
        {{ published_state('known', 'states') }} as state,
        -- Digits beside no state of the US are no ZIP code's.
        case when states.code is not null then known.zip3 end as zip3,
        {%- for field in coded %}
            known.{{ field }}.system as {{ field }}_system,
            known.{{ field }}.code as {{ field }}_code,
        {%- endfor %}
        coalesce(genders.source_concept_id, 0) as gender_source_concept_id,
        coalesce(races.source_concept_id, 0) as race_source_concept_id,
        coalesce(ethnicities.source_concept_id, 0) as ethnicity_source_concept_id,
        coalesce({{ concept_in('genders', 'Gender') }}, 0) as gender_concept_id,
        coalesce({{ concept_in('races', 'Race') }}, 0) as race_concept_id,
        coalesce({{ concept_in('ethnicities', 'Ethnicity') }}, 0) as ethnicity_concept_id
    from known
    left join {{ ref('us_states') }} as states
        on upper(trim(known.state)) in (states.code, upper(states.name))
    {{ join_concept('genders', 'known.gender.system', 'known.gender.code', 'known.site') }}
    {{ join_concept('races', 'known.race.system', 'known.race.code', 'known.site') }}
    {{ join_concept('ethnicities', 'known.ethnicity.system', 'known.ethnicity.code', 'known.site') }}
)

select * from final
