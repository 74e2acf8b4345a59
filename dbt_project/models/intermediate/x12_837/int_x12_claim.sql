with

claims as (
    select * from {{ ref('stg_x12_claim') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

visit_links as (
    select * from {{ ref('int_visit_link') }}
),

stays as (
    select * from {{ ref('int_stay') }}
),

-- Also a replacement for other days replaces: the last one of a number, by the same sender to the same payer.
replacements as (
    select
        site,
        claim_number_key,
        kind,
        payer_key,
        responsibility_code,
        max(coalesce(submitted_at, _arrived_at)) as replaced_at
    from claims
    where is_replacement
    group by all
),

linked as (
    select
        claims.*,
        coalesce(visit_links.visit_key, claims.claim_key) as visit_key,
        -- Whose the visit is goes before a member number, which a family may share.
        coalesce(
            case when claims.mrn_key is not null then links.person_key end, stays.person_key, links.person_key
        ) as person_key,
        coalesce(
            claims.admission_at,
            {{ midnight('claims.site', 'coalesce(claims.admission_date, claims.service_from_date)') }}
        ) as started_at,
        {{ midnight(
            'claims.site',
            'coalesce(claims.discharge_date, claims.service_to_date, claims.service_from_date)'
        ) }}
            as ended_at,
        coalesce(claims.rendering_provider_key, claims.attending_provider_key) as clinician_key,
        coalesce(
            claims.frequency_code = '1'
            and replacements.replaced_at > coalesce(claims.submitted_at, claims._arrived_at),
            false
        ) as is_replaced
    from claims
    left join links
        on claims.site = links.site and coalesce(claims.mrn_key, claims.patient_key) = links.reference_key
    left join visit_links
        on claims.site = visit_links.site and claims.claim_number_key = visit_links.reference_key
    left join stays on visit_links.site = stays.site and visit_links.visit_key = stays.visit_key
    left join replacements
        on
            claims.site = replacements.site and claims.claim_number_key = replacements.claim_number_key
            and claims.kind is not distinct from replacements.kind
            and claims.payer_key is not distinct from replacements.payer_key
            and claims.responsibility_code is not distinct from replacements.responsibility_code
),

final as (
    select
        *,
        {{ left_out({
            'no person': 'person_key is null',
            'no date': 'started_at is null',
            'replaced by a later claim': 'is_replaced',
        }) }} as left_out
    from linked
)

select * from final
