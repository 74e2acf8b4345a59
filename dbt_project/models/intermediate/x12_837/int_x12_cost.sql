with

claims as (
    select * from {{ ref('int_x12_claim') }}
    where left_out is null
),

lines as (
    select * from {{ ref('int_x12_line') }}
),

procedures as (
    select * from {{ ref('int_x12_procedure') }}
),

-- The record system's bill of the same visit over the same sum is the same bill.
billed as (
    select distinct
        site,
        visit_key,
        round(charged, 2) as charged
    from {{ ref('int_fhir_cost') }}
    where left_out is null and visit_key is not null and drug_key is null
),

others as (
    select
        site,
        claim_key,
        unnest(other_payers) as payer
    from claims
),

payments as (
    select
        others.site,
        others.claim_key,
        sum(others.payer.paid_amount) as paid,
        sum(others.payer.paid_amount) filter (where others.payer.responsibility_code = 'P') as paid_by_primary
    from others
    group by others.site, others.claim_key
),

whole as (
    select
        claims.site,
        claims.claim_key,
        claims.claim_key as cost_key,
        'claim' as part,
        cast(null as varchar) as procedure_key,
        claims.visit_key,
        claims.person_key,
        claims.payer_key,
        claims.filing_code,
        claims.charge_amount as charged,
        claims.patient_paid_amount as paid_by_patient,
        payments.paid,
        payments.paid_by_primary,
        cast(null as varchar) as revenue_code,
        claims.drg_code,
        billed.site is not null as is_told
    from claims
    left join payments on claims.site = payments.site and claims.claim_key = payments.claim_key
    left join billed
        on
            claims.site = billed.site and claims.visit_key = billed.visit_key
            and round(claims.charge_amount, 2) = billed.charged
),

parts as (
    select
        lines.site,
        lines.claim_key,
        lines.line_key as cost_key,
        lines.part,
        lines.line_key as procedure_key,
        lines.visit_key,
        lines.person_key,
        lines.payer_key,
        claims.filing_code,
        lines.charged,
        lines.paid,
        lines.paid_by_primary,
        lines.revenue_code,
        false as is_told
    from lines
    inner join claims on lines.site = claims.site and lines.claim_key = claims.claim_key
    -- A line without a code (a room) is part of the claim's sum and has no event of its own.
    inner join procedures on lines.site = procedures.site and lines.line_key = procedures.procedure_key
),

costs as (
    select * from whole
    union all by name
    select * from parts
),

final as (
    select
        *,
        'x12_claim' as lake_table,
        'USD' as currency,
        {{ natural_key(["'claims'", 'person_key', 'payer_key', 'filing_code']) }} as coverage_key,
        {{ left_out({'told by the record system': 'is_told'}) }} as left_out
    from costs
)

select * from final
