with

claims as (
    select * from {{ ref('int_x12_claim') }}
    where person_key is not null
),

final as (
    select
        site,
        person_key,
        arg_max(birth_date, (submitted_at, claim_key)) filter (where birth_date is not null) as birth_date,
        'X12 1068' as gender_system,
        arg_max(gender_code, (submitted_at, claim_key)) filter (where gender_code is not null) as gender_code,
        arg_max(state, (submitted_at, claim_key)) filter (where state is not null) as state,
        arg_max(zip3, (submitted_at, claim_key)) filter (where zip3 is not null) as zip3,
        max(death_date) as death_date,
        max(submitted_at) filter (where death_date is not null) as death_said_at,
        false as is_placeholder,
        false as is_birth_date_surrogate,
        max(_arrived_at) as _arrived_at
    from claims
    group by site, person_key
)

select * from final
