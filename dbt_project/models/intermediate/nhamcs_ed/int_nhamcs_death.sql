with

visits as (
    select * from {{ ref('int_nhamcs_visit') }}
),

final as (
    select
        site,
        person_key,
        case when is_dead_on_arrival then started_at else coalesce(ended_at, started_at) end as died_at,
        false as has_death_time,
        _arrived_at
    from visits
    where is_dead or is_dead_on_arrival
)

select * from final
