-- The mart makes its columns of the groups in macros/vocabulary.sql: they are the groups of the seeds.
with

in_seeds as (
    select distinct concat('complaint_', complaints.group) as name
    from {{ ref('complaint_groups') }} as complaints
    where complaints.group is not null
    union all
    select distinct concat('history_', histories.group) as name
    from {{ ref('history_groups') }} as histories
),

in_macros as (
    select concat('complaint_', unnest({{ complaint_groups() }})) as name
    union all
    select concat('history_', unnest({{ history_groups() }})) as name
),

final as (
    select
        in_seeds.name as in_seeds,
        in_macros.name as in_macros
    from in_seeds
    full outer join in_macros on in_seeds.name = in_macros.name
    where in_seeds.name is null or in_macros.name is null
)

select * from final
