{#- What an event does to a visit; `undoes` is what it takes back. Chapter 3 of HL7 v2.8. -#}
{%- set kinds = {
    'begin': ['A01', 'A04'], 'move': ['A02'], 'end': ['A03'], 'plan': ['A05', 'A14'], 'class': ['A06', 'A07'],
    'tell': ['A08', 'A15', 'A16', 'A54', 'A60'], 'absence': ['A09', 'A10', 'A21', 'A22'],
} -%}
{%- set undone = {'begin': ['A11'], 'move': ['A12'], 'end': ['A13'], 'plan': ['A27', 'A38']} -%}
{%- set other = ['A23', 'A25', 'A26', 'A32', 'A33', 'A45', 'A50', 'A51', 'A42', 'A52', 'A53', 'A55'] -%}

with

messages as (
    select * from {{ ref('stg_hl7_adt') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

-- A swap of beds (A17) moves two patients; every other event is about the first.
moves as (
    select
        site,
        message_key,
        unnest(people) as person,
        'A02' as event_code
    from messages
    where event_code = 'A17'
),

told as (
    select
        messages.site,
        messages.message_key,
        messages.event_code,
        messages.patient_key,
        -- A visit that moves to another patient (A45) is named where it moved from.
        case
            when messages.event_code = 'A45'
                then coalesce(messages.merges[1].prior_visit_key, messages.visit_key)
            else messages.visit_key
        end as number_key,
        messages.account_key,
        messages.class_code,
        messages.unit_code
    from messages
    where messages.event_code != 'A17'
    union all by name
    select
        site,
        message_key,
        event_code,
        person.patient_key,
        person.visit_key as number_key,
        person.class_code,
        person.unit_code
    from moves
),

known as (
    select
        told.*,
        coalesce(links.person_key, told.patient_key) as person_key,
        -- Without a time of its own (EVN) an admission or registration happened when PV1-44 says.
        coalesce(
            messages.occurred_at,
            messages.recorded_at,
            case when told.event_code in ('A01', 'A04') then messages.admitted_at end,
            messages.message_at,
            messages._arrived_at
        ) as happened_at,
        coalesce(messages.recorded_at, messages.message_at, messages.occurred_at, messages._arrived_at)
            as recorded_at,
        coalesce(messages.message_at, messages._arrived_at) as message_at,
        messages.admitted_at,
        messages.discharged_at,
        messages.disposition_code,
        messages.admit_source_code,
        messages.readmission_code,
        messages.diagnoses,
        messages._arrived_at,
        case
            {%- for kind, codes in kinds.items() %}
                when
                    told.event_code in (
                        '{{ codes | join("', '") }}'
                    )
                    then '{{ kind }}'
            {%- endfor %}
            {%- for kind, codes in undone.items() %}
                when
                    told.event_code in (
                        '{{ codes | join("', '") }}'
                    )
                    then '{{ kind }}'
            {%- endfor %}
            when
                told.event_code in (
                    '{{ other | join("', '") }}'
                )
                then 'other'
        end as kind,
        told.event_code in ('A11', 'A12', 'A13', 'A27', 'A38') as is_undoing
    from told
    inner join messages on told.site = messages.site and told.message_key = messages.message_key
    left join links on told.site = links.site and told.patient_key = links.reference_key
),

-- Where the sender numbers no visits, a stay lasts until the patient is discharged.
unnumbered as (
    select
        site,
        message_key,
        person_key,
        happened_at,
        coalesce(
            sum(cast(event_code = 'A03' as integer) - cast(event_code = 'A13' as integer)) over (
                partition by site, person_key
                order by recorded_at, message_at, message_key
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as stay
    from known
    where number_key is null and kind is not null
),

stays as (
    select
        site,
        message_key,
        person_key,
        {{ unnumbered_stay(
            'site', 'person_key', 'min(happened_at) over (partition by site, person_key, stay)'
        ) }}
            as stay_key
    from unnumbered
),

final as (
    select
        known.*,
        coalesce(known.number_key, stays.stay_key) as visit_number_key
    from known
    left join stays
        on
            known.site = stays.site and known.message_key = stays.message_key
            and known.person_key = stays.person_key
    where known.kind is not null
)

select * from final
