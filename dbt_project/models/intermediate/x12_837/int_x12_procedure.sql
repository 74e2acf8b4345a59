with

services as (
    select
        site,
        claim_key,
        line_key as procedure_key,
        part,
        person_key,
        visit_key,
        clinician_key,
        code_system,
        code,
        modifiers,
        quantity,
        started_at,
        ended_at,
        _arrived_at
    from {{ ref('int_x12_line') }}
    where code is not null and code_system is distinct from 'NDC'
),

listed as (
    select
        *,
        unnest(procedures) as done
    from {{ ref('int_x12_claim') }}
    where left_out is null
),

operations as (
    select
        listed.site,
        listed.claim_key,
        'HI' as part,
        {{ natural_key([
            "'HI'", 'claim_key', 'done.code_system', 'done.code', time_in_key('listed.site', 'done.procedure_date'),
        ]) }}
            as procedure_key,
        listed.person_key,
        listed.visit_key,
        coalesce(listed.operating_provider_key, clinician_key) as clinician_key,
        {{ billing_code_system('done.code_system') }} as code_system,
        done.code,
        coalesce({{ midnight('listed.site', 'done.procedure_date') }}, started_at) as started_at,
        listed._arrived_at
    from listed
    where done.code is not null
    qualify row_number() over (partition by listed.site, listed.claim_key, procedure_key) = 1
),

billed as (
    select * from services
    union all by name
    select * from operations
),

final as (
    select
        billed.site,
        'x12_claim' as lake_table,
        billed.procedure_key,
        billed.claim_key,
        billed.part,
        billed.visit_key,
        billed.person_key,
        providers.provider_key,
        billed.code_system,
        billed.code,
        billed.modifiers,
        billed.quantity,
        billed.started_at,
        billed.ended_at,
        billed._arrived_at
    from billed
    left join {{ ref('int_provider_link') }} as providers
        on billed.site = providers.site and billed.clinician_key = providers.reference_key
)

select * from final
