with

practitioners as (
    select * from {{ ref('stg_fhir_practitioner') }}
),

roles as (
    select * from {{ ref('stg_fhir_practitioner_role') }}
),

direct as (
    select
        site,
        practitioner_key as reference_key,
        practitioner_key as provider_key,
        1 as precedence
    from practitioners
    union
    select
        site,
        npi_key as reference_key,
        practitioner_key as provider_key,
        2 as precedence
    from practitioners
    union
    select
        site,
        identifier_key as reference_key,
        practitioner_key as provider_key,
        3 as precedence
    from practitioners
),

people as (
    select * from direct
    where reference_key is not null
    qualify row_number() over (partition by site, reference_key order by precedence, provider_key) = 1
),

by_role as (
    select
        roles.site,
        unnest([roles.practitioner_role_key, roles.identifier_key]) as reference_key,
        people.provider_key,
        4 as precedence
    from roles
    inner join people on roles.site = people.site and roles.practitioner_key = people.reference_key
),

-- Whom only claims name is known by the number that they give.
billed as (
    {%- for role in ['rendering', 'attending', 'operating', 'referring', 'supervising'] %}
        select
            site,
            {{ role }}_provider_key as reference_key,
            {{ role }}_provider_key as provider_key,
            5 as precedence
        from {{ ref('stg_x12_claim') }}
        {{ 'union' if not loop.last }}
    {%- endfor %}
),

known as (
    select * from people
    union all by name
    select * from by_role
    union all by name
    select * from billed
),

final as (
    select
        site,
        reference_key,
        arg_min(provider_key, (precedence, provider_key)) as provider_key
    from known
    where reference_key is not null
    group by site, reference_key
)

select * from final
