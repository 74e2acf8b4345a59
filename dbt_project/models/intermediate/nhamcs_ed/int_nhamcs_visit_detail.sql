with

visits as (
    select * from {{ ref('int_nhamcs_visit') }}
),

surveyed as (
    select * from {{ ref('stg_nhamcs_visit') }}
),

emergency as (
    select
        site,
        visit_key,
        'ED' as detail_key,
        care_site_key,
        'ED' as unit_code,
        started_at,
        started_at as ended_at,
        _arrived_at
    from visits
),

admitted as (
    select
        visits.site,
        visits.visit_key,
        'ADMIT' as detail_key,
        visits.care_site_key,
        cast(surveyed.admit_unit as varchar) as unit_code,
        visits.started_at,
        visits.ended_at,
        visits._arrived_at
    from visits
    inner join surveyed on visits.site = surveyed.site and visits.visit_key = surveyed.visit_key
    where coalesce(surveyed.admithos, false) or coalesce(surveyed.obshos, false)
),

final as (
    select
        *,
        'NHAMCS-UNIT' as unit_system
    from emergency
    union all by name
    select
        *,
        'NHAMCS-UNIT' as unit_system
    from admitted
)

select * from final
