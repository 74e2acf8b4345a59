with

messages as (
    select
        messages.site,
        links.person_key,
        messages.message_key,
        messages.payers,
        messages._arrived_at
    from {{ ref('stg_hl7_adt') }} as messages
    inner join {{ ref('int_person_link') }} as links
        on messages.site = links.site and messages.patient_key = links.reference_key
    where len(messages.payers) > 0
    -- The last message that lists a person's insurance says what there is.
    qualify row_number() over (
        partition by messages.site, links.person_key
        order by
            coalesce(messages.recorded_at, messages.message_at, messages._arrived_at) desc,
            messages.message_key
    ) = 1
),

listed as (
    select
        site,
        person_key,
        message_key,
        unnest(payers) as payer,
        generate_subscripts(payers, 1) as nth,
        _arrived_at
    from messages
),

final as (
    select
        listed.site,
        listed.person_key,
        {{ natural_key([
            "'IN1'", 'person_key', 'payer.payer_code', 'payer.plan_code', time_in_key('site', 'payer.starts_on'),
        ]) }}
            as coverage_key,
        {{ midnight('listed.site', 'payer.starts_on') }} as started_at,
        greatest(
            {{ midnight('listed.site', 'payer.starts_on') }},
            coalesce({{ midnight('listed.site', 'payer.ends_on') }}, listed._arrived_at)
        ) as ended_at,
        payer.payer_code,
        payer.plan_code,
        listed.message_key,
        concat('IN1 ', listed.nth) as part,
        listed._arrived_at
    from listed
    where payer.starts_on is not null
    qualify row_number() over (
        partition by listed.site, coverage_key order by listed.payer.ends_on desc, listed.nth asc
    ) = 1
)

select * from final
