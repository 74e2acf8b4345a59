{{ config(materialized = 'ephemeral') }}
with

persons as (
    select
        person_id,
        site,
        birth_date,
        {{ shift_days('site', 'person_id') }} as shift_days,
        {{ ages_as_of('site') }} as ages_as_of
    from {{ ref('int_person') }}
    where {{ is_deidentified('site') }}
),

deaths as (
    select
        person_id,
        died_at
    from {{ ref('int_death') }}
),

shifted as (
    select
        persons.person_id,
        persons.shift_days,
        persons.birth_date - persons.shift_days as birth_date,
        -- The last day that is told of a life, in shifted dates: of death, else of the clock of ages.
        coalesce(
            least(
                {{ local_date('persons.site', 'deaths.died_at') }} - persons.shift_days, persons.ages_as_of
            ),
            persons.ages_as_of
        ) as aged_on
    from persons
    left join deaths on persons.person_id = deaths.person_id
),

bounded as (
    select
        *,
        make_date(year(aged_on) - {{ aggregated_age() }}, 1, 1) as earliest_date
    from shifted
),

final as (
    select
        person_id,
        shift_days,
        earliest_date,
        coalesce(year(birth_date) <= year(earliest_date), false) as is_aggregated,
        case
            when year(birth_date) <= year(earliest_date) then earliest_date
            else cast(birth_date as date)
        end as birth_date
    from bounded
)

select * from final
