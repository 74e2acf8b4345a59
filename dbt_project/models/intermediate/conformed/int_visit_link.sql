with recursive

encounters as (
    select * from {{ ref('stg_fhir_encounter') }}
),

events as (
    select * from {{ ref('int_hl7_event') }}
),

messages as (
    select
        *,
        coalesce(recorded_at, message_at, _arrived_at) as said_at
    from {{ ref('stg_hl7_adt') }}
    where event_code in {{ visit_merge_events() }}
),

claims as (
    select * from {{ ref('stg_x12_claim') }}
),

studies as (
    select distinct
        site,
        accession_key
    from {{ ref('stg_dicom_instance') }}
    where accession_key is not null
),

-- An encounter goes by its number; of several under one number, the whole stay does.
numbered as (
    select
        site,
        visit_number_key,
        arg_min(encounter_key, (part_of_key is not null, coalesce(started_at, _arrived_at), encounter_key))
            as encounter_key
    from encounters
    where visit_number_key is not null
    group by site, visit_number_key
),

accounts as (
    select
        site,
        account_key,
        arg_max(visit_number_key, (happened_at, recorded_at, message_key)) as visit_number_key
    from events
    where account_key is not null
    group by site, account_key
),

merged as (
    select
        messages.site,
        messages.said_at,
        messages.message_key,
        messages.visit_key,
        messages.account_key,
        unnest(messages.merges) as retired
    from messages
),

-- Where a number was given up for another, by the last message that says so.
renamed as (
    select
        merged.site,
        merged.retired.prior_visit_key as prior_key,
        arg_max(merged.visit_key, (merged.said_at, merged.message_key)) as next_key,
        max((merged.said_at, merged.message_key)) as said
    from merged
    where merged.retired.prior_visit_key != merged.visit_key
    group by all
    union
    select
        merged.site,
        priors.visit_number_key as prior_key,
        arg_max(nexts.visit_number_key, (merged.said_at, merged.message_key)) as next_key,
        max((merged.said_at, merged.message_key)) as said
    from merged
    inner join accounts as priors
        on merged.site = priors.site and merged.retired.prior_account_key = priors.account_key
    inner join accounts as nexts on merged.site = nexts.site and merged.account_key = nexts.account_key
    where
        merged.retired.prior_visit_key is null
        and priors.visit_number_key != nexts.visit_number_key
    group by all
),

-- A number that was taken up again later was not given up: so no circle is left.
given_up as (
    select renamed.*
    from renamed
    anti join renamed as later
        on renamed.site = later.site and renamed.prior_key = later.next_key and renamed.said < later.said
),

ways as (
    select
        site,
        prior_key as reference_key,
        next_key,
        [prior_key, next_key] as passed
    from given_up
    union
    select
        ways.site,
        ways.reference_key,
        given_up.next_key,
        list_append(ways.passed, given_up.next_key) as passed
    from ways
    inner join given_up on ways.site = given_up.site and ways.next_key = given_up.prior_key
    where not list_contains(ways.passed, given_up.next_key)
),

lasting as (
    select
        site,
        reference_key,
        arg_max(next_key, len(passed)) as number_key
    from ways
    group by site, reference_key
),

numbers as (
    select
        site,
        visit_number_key as reference_key
    from events
    union
    select
        site,
        visit_number_key as reference_key
    from numbered
    union
    select
        site,
        prior_key as reference_key
    from renamed
    union
    select
        site,
        next_key as reference_key
    from renamed
),

by_number as (
    select
        numbers.site,
        numbers.reference_key,
        coalesce(
            own.encounter_key, lasts.encounter_key, lasting.number_key, numbers.reference_key
        ) as visit_key,
        2 as precedence
    from numbers
    left join lasting on numbers.site = lasting.site and numbers.reference_key = lasting.reference_key
    left join numbered as own
        on numbers.site = own.site and numbers.reference_key = own.visit_number_key
    left join numbered as lasts
        on lasting.site = lasts.site and lasting.number_key = lasts.visit_number_key
    where numbers.reference_key is not null
),

orders as (
    select
        site,
        visit_key as visit_number_key,
        unnest(results) as result
    from {{ ref('stg_hl7_oru') }}
    where visit_key is not null
),

by_order as (
    select
        studies.site,
        studies.accession_key as reference_key,
        min(by_number.visit_key) as visit_key,
        4 as precedence
    from studies
    inner join orders
        on
            studies.site = orders.site
            and studies.accession_key in (orders.result.filler_order_key, orders.result.placer_order_key)
    inner join by_number on orders.site = by_number.site and orders.visit_number_key = by_number.reference_key
    group by studies.site, studies.accession_key
),

by_account as (
    select
        accounts.site,
        accounts.account_key as reference_key,
        by_number.visit_key,
        3 as precedence
    from accounts
    inner join by_number
        on accounts.site = by_number.site and accounts.visit_number_key = by_number.reference_key
),

known as (
    select
        site,
        encounter_key as reference_key,
        encounter_key as visit_key,
        1 as precedence
    from encounters
    union all by name
    select * from by_number
    union all by name
    select * from by_account
    union all by name
    select * from by_order
    union all by name
    select
        site,
        claim_number_key as reference_key,
        claim_number_key as visit_key,
        5 as precedence
    from claims
    where claim_number_key is not null
),

final as (
    select
        site,
        reference_key,
        arg_min(visit_key, (precedence, visit_key)) as visit_key
    from known
    group by site, reference_key
)

select * from final
