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

moves as (
    select * from {{ ref('int_appointment_moved') }}
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

-- What a message that books has told of its slot, with those before it. One after its start books nothing.
slots as (
    select
        *,
        last_value(starts_at ignore nulls) over so_far as slot_at,
        last_value(service_code ignore nulls) over so_far as slot_service,
        last_value(unit_code ignore nulls) over so_far as slot_unit
    from messages
    where said = 'booked'
    window
        so_far as (
            partition by site, appointment_key
            order by told_at, _line
            rows between unbounded preceding and current row
        )
    qualify told_at < slot_at
),

-- Another place is another service, or another unit where no service is told. A service that is told after
-- its unit says more of the same place.
changes as (
    select
        *,
        row_number() over in_order > 1 and (
            slot_at is distinct from lag(slot_at) over in_order
            or slot_service != lag(slot_service) over in_order
            or (slot_service is null and slot_unit != lag(slot_unit) over in_order)
        ) is true as is_moved,
        first_value(slot_at) over (
            partition by site, appointment_key order by told_at desc, _line desc
        ) as last_slot_at
    from slots
    window in_order as (partition by site, appointment_key order by told_at, _line)
),

-- A slot that was moved is another booking, made when it was moved: nothing of it was known before (0023).
booked as (
    select
        site,
        appointment_key,
        arg_max(slot_at, (told_at, _line)) as starts_at,
        arg_max(ends_at, (told_at, _line)) filter (where ends_at is not null and slot_at = last_slot_at)
            as ends_at,
        arg_max(coalesce(slot_service, slot_unit), (told_at, _line)) filter (
            where coalesce(slot_service, slot_unit) is not null
        ) as service,
        max(told_at) filter (where is_moved) as moved_at,
        min(told_at) filter (where event_code = 'S12') as booked_at
    from changes
    group by site, appointment_key
),

-- Of the messages about an appointment the latest state holds; what nothing booked is as it was told last.
latest as (
    select
        site,
        appointment_key,
        arg_max(patient_key, (told_at, _line)) filter (where patient_key is not null) as patient_key,
        coalesce(
            arg_max(service_code, (told_at, _line)) filter (where service_code is not null),
            arg_max(unit_code, (told_at, _line)) filter (where unit_code is not null)
        ) as service,
        arg_max(starts_at, (told_at, _line)) filter (where starts_at is not null) as starts_at,
        arg_max(ends_at, (told_at, _line)) filter (where ends_at is not null) as ends_at,
        min(told_at) filter (where event_code = 'S12') as booked_at,
        arg_max(said, (told_at, _line)) filter (where said is not null) as status,
        arg_max(told_at, (told_at, _line)) filter (where said is not null) as status_at,
        max(_arrived_at) as _arrived_at
    from messages
    group by site, appointment_key
),

told as (
    select
        latest.site,
        'hl7v2' as feed,
        3 as precedence,
        latest.appointment_key,
        latest.patient_key,
        if(booked.starts_at is null, latest.service, booked.service) as service,
        if(booked.starts_at is null, latest.starts_at, booked.starts_at) as starts_at,
        if(booked.starts_at is null, latest.ends_at, booked.ends_at) as ends_at,
        case
            when booked.starts_at is null then latest.booked_at
            else coalesce(booked.moved_at, booked.booked_at)
        end as booked_at,
        booked.moved_at,
        latest.status,
        latest.status_at,
        latest._arrived_at
    from latest
    left join booked on latest.site = booked.site and latest.appointment_key = booked.appointment_key
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
        said.* exclude (patient_key, booked_at, moved_at),
        greatest(said.booked_at, moves.moved_at) as booked_at,
        coalesce(said.moved_at, moves.moved_at) as moved_at,
        coalesce(links.person_key, said.patient_key) as person_key
    from said
    left join moves
        on said.site = moves.site and said.feed = moves.feed and said.appointment_key = moves.appointment_key
    left join links on said.site = links.site and said.patient_key = links.reference_key
    where
        said.patient_key is not null
        and said.starts_at is not null
        and said.status is not null
        and said.status != 'entered_in_error'
)

select * from final
