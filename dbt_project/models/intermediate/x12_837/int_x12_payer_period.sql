with

claims as (
    select * from {{ ref('int_x12_claim') }}
    where left_out is null and payer_key is not null
),

final as (
    select
        site,
        person_key,
        {{ natural_key(["'claims'", 'person_key', 'payer_key', 'filing_code']) }} as coverage_key,
        payer_key,
        min(started_at) as started_at,
        greatest(max(ended_at), min(started_at)) as ended_at,
        filing_code as payer_code,
        payer_key as plan_code,
        max(member_key) as family_key,
        max(_arrived_at) as _arrived_at
    from claims
    group by site, person_key, payer_key, filing_code
)

select * from final
