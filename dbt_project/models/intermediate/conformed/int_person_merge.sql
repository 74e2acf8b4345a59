{%- set survivor = ['A18', 'A30', 'A34', 'A36', 'A39', 'A40', 'A43', 'A46', 'A47', 'A48'] -%}

with

messages as (
    select
        *,
        coalesce(recorded_at, message_at, _arrived_at) as said_at
    from {{ ref('stg_hl7_adt') }}
    where event_code in {{ person_merge_events() }}
),

retirements as (
    select
        messages.site,
        messages.said_at,
        messages.message_key as said_by,
        unnest(messages.merges) as retired
    from messages
    where
        messages.event_code in (
            '{{ survivor | join("', '") }}'
        )
),

links as (
    select
        site,
        coalesce(_version_at, _arrived_at) as said_at,
        patient_key as said_by,
        patient_key,
        unnest(links) as link
    from {{ ref('stg_fhir_patient') }}
),

said as (
    select
        retirements.site,
        retirements.said_at,
        retirements.said_by,
        retirements.retired.prior_patient_key as prior_key,
        retirements.retired.patient_key as surviving_key,
        true as is_linked,
        true as has_survivor
    from retirements
    union all
    select
        site,
        said_at,
        said_by,
        case when link.type_code = 'replaces' then link.patient_key else patient_key end as prior_key,
        case when link.type_code = 'replaces' then patient_key else link.patient_key end as surviving_key,
        true as is_linked,
        link.type_code in ('replaces', 'replaced-by') as has_survivor
    from links
    union all
    select
        site,
        said_at,
        message_key as said_by,
        people[1].patient_key as prior_key,
        people[2].patient_key as surviving_key,
        event_code = 'A24' as is_linked,
        false as has_survivor
    from messages
    where event_code in ('A24', 'A37')
),

final as (
    select
        *,
        -- What is said last of two records holds.
        row_number() over (
            partition by site, least(prior_key, surviving_key), greatest(prior_key, surviving_key)
            order by said_at desc, said_by desc, prior_key asc
        ) = 1 as is_current
    from said
    where prior_key != surviving_key
)

select * from final
