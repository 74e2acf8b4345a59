with

source as (
    select * from {{ source('nhamcs_ed', 'nhamcs_visit') }}
),

latest as (
    {{ latest_version('source') }}
),

final as (
    select
        *,
        cast({{ surrogate_date('survey_year', 'month', 'weekday', 'visit_key') }} as date) as visit_date,
        try_strptime(arrival_time, '%H%M') is not null as has_arrival_time
    from latest
    where not _is_deleted
)

select * from final
