with

persons as (
    select
        site,
        state,
        zip3
    from {{ ref('int_person_state') }}
),

final as (
    select distinct
        site,
        cast(null as varchar) as state,
        cast(null as varchar) as zip3,
        {{ location_id('site') }} as location_id
    from persons
    union
    select distinct
        site,
        state,
        zip3,
        {{ person_location_id('site', 'state', 'zip3') }} as location_id
    from persons
    where state is not null
)

select * from final
