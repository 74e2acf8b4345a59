with

claims as (
    select * from {{ ref('int_x12_claim') }}
    where left_out is null
),

listed as (
    select
        *,
        unnest(lines) as line,
        generate_subscripts(lines, 1) as nth
    from claims
),

decided as (
    select
        site,
        claim_key,
        unnest(payments) as payment
    from claims
),

paid as (
    select
        decided.site,
        decided.claim_key,
        decided.payment.line_number,
        sum(decided.payment.paid_amount) as paid,
        sum(decided.payment.paid_amount) filter (where decided.payment.responsibility_code = 'P')
            as paid_by_primary
    from decided
    group by decided.site, decided.claim_key, decided.payment.line_number
),

final as (
    select
        listed.site,
        listed.claim_key,
        concat(listed.claim_key, '|line|', listed.nth) as line_key,
        concat('line ', listed.nth) as part,
        listed.person_key,
        listed.visit_key,
        listed.clinician_key,
        listed.payer_key,
        {{ billing_code_system('listed.line.code_system') }} as code_system,
        listed.line.code,
        concat_ws(
            ' ',
            listed.line.modifier_1,
            listed.line.modifier_2,
            listed.line.modifier_3,
            listed.line.modifier_4
        ) as modifiers,
        listed.line.revenue_code,
        listed.line.quantity,
        listed.line.charge_amount as charged,
        coalesce(
            {{ midnight('listed.site', 'listed.line.service_from_date') }},
            {{ start_of_day('listed.site', 'listed.started_at') }}
        ) as started_at,
        {{ midnight('listed.site', 'listed.line.service_to_date') }} as ended_at,
        paid.paid,
        paid.paid_by_primary,
        listed._arrived_at
    from listed
    left join paid
        on
            listed.site = paid.site and listed.claim_key = paid.claim_key
            and listed.line.line_number = paid.line_number
)

select * from final
