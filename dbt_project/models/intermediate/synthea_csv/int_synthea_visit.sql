with

encounters as (
    select * from {{ ref('stg_synthea_encounter') }}
),

deaths as (
    select * from {{ ref('int_synthea_death') }}
),

dated as (
    select
        encounters.*,
        -- A death has a date and no time: it lies in every visit that touches its day.
        coalesce(
            {{ local_date('deaths.site', 'deaths.died_at') }}
            >= {{ local_date('encounters.site', 'encounters.started_at') }}
            and deaths.died_at <= coalesce(encounters.ended_at, encounters.started_at), false
        ) as dies_within,
        coalesce(
            {{ local_date('deaths.site', 'deaths.died_at') }}
            < {{ local_date('encounters.site', 'encounters.started_at') }},
            false
        ) as dies_before,
        deaths._arrived_at as death_arrived_at
    from encounters
    left join deaths on encounters.site = deaths.site and encounters.patient_key = deaths.person_key
),

final as (
    select
        site,
        'synthea_csv' as feed,
        encounter_key as visit_key,
        patient_key as person_key,
        organization_key as care_site_key,
        'v3-ActCode' as class_system,
        case class_code
            when 'emergency' then 'EMER' when 'inpatient' then 'IMP'
            when 'ambulatory' then 'AMB' when 'wellness' then 'AMB' when 'outpatient' then 'AMB'
            when 'urgentcare' then 'AMB'
            else class_code
        end as class_code,
        cast(null as varchar) as status,
        started_at,
        ended_at,
        true as has_arrival_time,
        ended_at is not null as is_ended,
        class_code = 'emergency' as starts_in_emergency,
        class_code = 'inpatient' as is_admitted,
        dies_within as is_dead,
        dies_before as is_dead_on_arrival,
        false as has_left_early,
        false as is_transferred,
        true as is_unit_known,
        true as is_survival_known,
        true as is_history_known,
        false as seen_72h,
        cast(null as varchar) as discharged_to_system,
        cast(null as varchar) as discharged_to_code,
        cast(null as varchar) as admitted_from_code,
        cast(null as varchar) as part_of_key,
        cast(null as varchar) as unit,
        greatest(_arrived_at, if(dies_within, death_arrived_at, null)) as _arrived_at
    from dated
)

select * from final
