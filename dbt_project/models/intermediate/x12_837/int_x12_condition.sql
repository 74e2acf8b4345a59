with

claims as (
    select * from {{ ref('int_x12_claim') }}
    where left_out is null
),

listed as (
    select
        *,
        unnest(diagnoses) as diagnosis
    from claims
),

coded as (
    select
        listed.site,
        listed.claim_key,
        'HI' as part,
        listed.visit_key,
        listed.person_key,
        {{ billing_code_system('diagnosis.code_system') }} as code_system,
        {{ dotted_icd('diagnosis.code') }} as code,
        diagnosis.role as category_code,
        listed.started_at as onset_at,
        listed.started_at as occurred_at,
        listed._arrived_at
    from listed
    -- Why somebody came, and what brought it about, is no diagnosis.
    where diagnosis.code is not null and diagnosis.role is distinct from 'reason'
),

final as (
    select
        *,
        {{ natural_key(["'HI'", 'person_key', 'visit_key', 'code_system', 'code']) }} as condition_key
    from coded
    qualify row_number() over (
        partition by site, person_key, visit_key, code_system, code
        order by
            array_position(['principal', 'admitting', 'other', 'external'], category_code),
            occurred_at,
            claim_key
    ) = 1
)

select * from final
