-- The census of visit_detail is that of the bed board, within a tenth and two beds in the mean of a unit's
-- last four weeks. It warns: two systems that disagree are to be looked at; triage and the mart go on.
{{ config(severity = 'warn') }}

with

compared as (
    select
        site,
        unit,
        census_of_stays,
        census_of_board
    from {{ ref('staffing_mart') }}
    where census_of_stays is not null and census_of_board is not null
    qualify max(date) over (partition by site, unit) - date < 28
),

final as (
    select
        site,
        unit,
        count(*) as shifts,
        avg(abs(census_of_stays - census_of_board)) as mean_difference,
        avg(census_of_board) as mean_census
    from compared
    group by site, unit
    having mean_difference > 2 + 0.1 * mean_census
)

select * from final
