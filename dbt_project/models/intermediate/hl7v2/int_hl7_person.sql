{#- What is said last of a person holds, field by field: quick registrations leave fields out. -#}
{%- set fields = [
    'birth_date', 'sex_code', 'race_code', 'ethnicity_code', 'language_code', 'state', 'zip3', 'is_deceased',
] -%}

with

messages as (
    select
        *,
        coalesce(recorded_at, message_at, _arrived_at) as said_at
    from {{ ref('stg_hl7_adt') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

said as (
    select
        links.site,
        links.person_key,
        {%- for field in fields %}
            arg_max(messages.{{ field }}, (messages.said_at, messages.message_key))
            filter (where messages.{{ field }} is not null) as {{ field }},
        {%- endfor %}
        arg_max(messages.deceased_at, (messages.said_at, messages.message_key))
        filter (where messages.deceased_at is not null) as deceased_at,
        arg_max(messages.said_at, (messages.said_at, messages.message_key))
        filter (where messages.is_deceased) as death_said_at,
        max(messages._arrived_at) as _arrived_at
    from messages
    inner join links on messages.site = links.site and messages.patient_key = links.reference_key
    group by links.site, links.person_key
),

final as (
    select
        site,
        person_key,
        birth_date,
        'HL7 0001' as gender_system,
        sex_code as gender_code,
        {{ race_system('race_code') }} as race_system,
        race_code,
        {{ race_system('ethnicity_code') }} as ethnicity_system,
        ethnicity_code,
        language_code,
        state,
        zip3,
        coalesce(is_deceased, false) as is_deceased,
        deceased_at,
        death_said_at,
        false as is_placeholder,
        false as is_birth_date_surrogate,
        _arrived_at
    from said
)

select * from final
