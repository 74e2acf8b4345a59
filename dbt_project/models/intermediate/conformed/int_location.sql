with

persons as (
    select
        site,
        state
    from {{ ref('int_person_state') }}
),

final as (
    select distinct
        site,
        cast(null as varchar) as state,
        {{ location_id('site') }} as location_id
    from persons
    union
    select distinct
        site,
        state,
        {{ location_id('site', 'state') }} as location_id
    from persons
    where state is not null
)

select * from final
