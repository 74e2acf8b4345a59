with

visits as (
    select * from {{ ref('stg_nhamcs_visit') }}
),

timed as (
    select
        *,
        -- The survey tells the wall clock of a hospital that it does not name: the site's.
        {{ local_time(
            'site', "(visit_date + coalesce(cast(try_strptime(arrival_time, '%H%M') as time), time '12:00'))"
        ) }} as started_at,
        coalesce(dieded, false) or coalesce(hospital_discharge_status = 2, false) as is_dead,
        coalesce(admithos, false) or coalesce(obshos, false) as is_admitted_here,
        coalesce(tranoth, false) as is_transferred
    from visits
),

final as (
    select
        site,
        'nhamcs_ed' as feed,
        visit_key,
        visit_key as person_key,
        hospital_key as care_site_key,
        'v3-ActCode' as class_system,
        'EMER' as class_code,
        started_at,
        started_at
        + to_minutes(length_of_visit_minutes)
        + to_days(cast(coalesce(los_days, 0) as integer)) as ended_at,
        has_arrival_time,
        true as starts_in_emergency,
        true as is_ended,
        is_admitted_here or is_transferred as is_admitted,
        is_dead,
        coalesce(doa, false) as is_dead_on_arrival,
        coalesce(lwbs, false) or coalesce(lbtc, false) or coalesce(leftama, false) as has_left_early,
        is_transferred,
        not(is_admitted_here and coalesce(admit_unit, -9) < 0) as is_unit_known,
        not(is_admitted_here and coalesce(hospital_discharge_status, -9) < 0) as is_survival_known,
        etohab is not null as is_history_known,
        arrived_by_ambulance,
        seen_72h,
        case payer
            when 1 then 'private' when 2 then 'medicare' when 3 then 'medicaid' when
                4
                then 'workers compensation'
            when 5 then 'self-pay' when 6 then 'no charge' when 7 then 'other'
        end as payer,
        'NHAMCS-DISPOSITION' as discharged_to_system,
        case
            when is_dead then 'DIED'
            when coalesce(admithos, false) then 'ADMITHOS'
            when coalesce(obshos, false) then 'OBSHOS'
            when is_transferred then 'TRANOTH'
            when coalesce(tranpsyc, false) then 'TRANPSYC'
            when coalesce(trannh, false) then 'TRANNH'
        end as discharged_to_code,
        cast(null as varchar) as admitted_from_code,
        cast(null as varchar) as part_of_key,
        'ED' as unit,
        _arrived_at
    from timed
)

select * from final
