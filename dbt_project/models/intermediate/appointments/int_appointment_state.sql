{#- HL7 v2 chapter 10: what an event or SCH-25 (table 0278) says of an appointment. -#}
{%- set by_event = {
    'booked': ['S12', 'S13', 'S14', 'S16', 'S18', 'S19', 'S20', 'S21', 'S22'], 'cancelled': ['S15'],
    'entered_in_error': ['S17'], 'no_show': ['S26'],
} -%}
{%- set by_status = {
    'no_show': ['noshow', 'no-show', 'no show'], 'cancelled': ['cancelled', 'canceled', 'dc', 'discontinued'],
    'arrived': ['started', 'arrived', 'checked-in'], 'fulfilled': ['complete', 'completed'],
    'entered_in_error': ['deleted'], 'proposed': ['pending', 'waitlist'],
} -%}

with

links as (
    select * from {{ ref('int_person_link') }}
),

tables as (
    select
        site,
        'appointments' as feed,
        1 as precedence,
        appointment_key,
        mrn_key as patient_key,
        clinic_code as service,
        starts_at,
        ends_at,
        booked_at,
        status,
        updated_at as status_at,
        _arrived_at
    from {{ ref('stg_clinic_appointment') }}
),

resources as (
    select
        told.site,
        'ehr_fhir' as feed,
        2 as precedence,
        told.appointment_key,
        list_filter(told.participants, lambda one: one.patient_key is not null)[1].patient_key as patient_key,
        coalesce(told.service_type_code, told.specialty_code) as service,
        told.started_at as starts_at,
        coalesce(told.ended_at, told.started_at + to_minutes(told.duration_minutes)) as ends_at,
        told.created_at as booked_at,
        case told.status
            when 'noshow' then 'no_show'
            when 'checked-in' then 'checked_in'
            when 'pending' then 'proposed'
            when 'waitlist' then 'proposed'
            else told.status
        end as status,
        coalesce(told._version_at, told._arrived_at) as status_at,
        told._arrived_at
    from {{ ref('stg_fhir_appointment') }} as told
),

messages as (
    select
        *,
        coalesce(message_at, _arrived_at) as told_at,
        coalesce(service_code, unit_code) as place_code,
        case
            {%- for said, codes in by_status.items() %}
                when
                    lower(status_code) in (
                        '{{ codes | join("', '") }}'
                    )
                    then '{{ said }}'
            {%- endfor %}
            {%- for said, codes in by_event.items() %}
                when
                    event_code in (
                        '{{ codes | join("', '") }}'
                    )
                    then '{{ said }}'
            {%- endfor %}
        end as said
    from {{ ref('stg_hl7_siu') }}
    where appointment_key is not null
),

-- Of the messages about an appointment the latest holds; it was booked when the first that books it was made.
told as (
    select
        site,
        'hl7v2' as feed,
        3 as precedence,
        appointment_key,
        arg_max(patient_key, (told_at, _line)) filter (where patient_key is not null) as patient_key,
        arg_max(place_code, (told_at, _line)) filter (where place_code is not null) as service,
        arg_max(starts_at, (told_at, _line)) filter (where starts_at is not null) as starts_at,
        arg_max(ends_at, (told_at, _line)) filter (where ends_at is not null) as ends_at,
        min(told_at) filter (where event_code = 'S12') as booked_at,
        arg_max(said, (told_at, _line)) filter (where said is not null) as status,
        arg_max(told_at, (told_at, _line)) filter (where said is not null) as status_at,
        max(_arrived_at) as _arrived_at
    from messages
    group by site, appointment_key
),

said as (
    select * from tables
    union all by name
    select * from resources
    union all by name
    select * from told
),

final as (
    select
        said.* exclude (patient_key),
        coalesce(links.person_key, said.patient_key) as person_key
    from said
    left join links on said.site = links.site and said.patient_key = links.reference_key
    where
        said.patient_key is not null
        and said.starts_at is not null
        and said.status is not null
        and said.status != 'entered_in_error'
)

select * from final
