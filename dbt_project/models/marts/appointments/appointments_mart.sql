with

appointments as (
    select
        *,
        {{ local_time('site', 'starts_at') }} as starts_local,
        {{ local_time('site', 'booked_at') }} as booked_local
    from {{ ref('int_appointment') }}
),

histories as (
    select * from {{ ref('int_appointment_history') }}
),

persons as (
    select * from {{ ref('int_person') }}
),

covers as (
    select * from {{ ref('int_fhir_payer') }}
),

-- Who paid for the last visit, where no cover is on record.
payers as (
    select
        person_id,
        arg_max(payer, (started_at, visit_occurrence_id)) as payer
    from {{ ref('int_visit') }}
    where payer is not null and started_at is not null
    group by person_id
),

joined as (
    select
        appointments.*,
        coalesce(histories.earlier_kept, 0) as earlier_kept,
        coalesce(histories.earlier_no_shows, 0) as earlier_no_shows,
        coalesce(histories.earlier_cancelled, 0) as earlier_cancelled,
        histories.missed_last,
        greatest(appointments._arrived_at, histories._arrived_at) as known_at,
        -- Given back before it began: neither kept nor missed. Anything else is not settled yet.
        case
            when appointments.status = 'no_show' then true
            when appointments.status in ('checked_in', 'arrived', 'fulfilled') then false
        end as no_show,
        case
            when appointments.status = 'proposed' then 'not booked'
            when appointments.booked_at is null then 'booking time not known'
            when appointments.booked_at >= appointments.starts_at then 'booked as it began'
        end as ineligible_reason,
        {{ possible_age('persons.birth_date', 'appointments.starts_local') }} as age_years,
        persons.gender_concept_id,
        persons.race_concept_id,
        persons.ethnicity_concept_id,
        persons.language_code,
        coalesce(covers.payer, payers.payer) as payer
    from appointments
    left join histories on appointments.appointment_id = histories.appointment_id
    left join persons on appointments.person_id = persons.person_id
    left join covers on appointments.site = covers.site and appointments.person_key = covers.person_key
    left join payers on appointments.person_id = payers.person_id
),

final as (
    select
        appointment_id,
        person_id,
        site,
        appointment_key,
        booked_at,
        starts_at,
        ends_at,
        known_at,
        status,
        service,
        cast(cast(starts_local as date) - cast(booked_local as date) as integer) as lead_days,
        cast(isodow(starts_local) as integer) as start_weekday,
        cast(hour(starts_local) as integer) as start_hour,
        earlier_kept + earlier_no_shows + earlier_cancelled = 0 as is_new,
        cast(earlier_kept as integer) as earlier_kept,
        cast(earlier_no_shows as integer) as earlier_no_shows,
        cast(earlier_cancelled as integer) as earlier_cancelled,
        missed_last,
        no_show,
        case when no_show is not null then _arrived_at end as labels_known_at,
        ineligible_reason is null as is_eligible,
        ineligible_reason,
        case gender_concept_id when 8507 then 'male' when 8532 then 'female' end as sex,
        {{ race_of('race_concept_id') }} as race,
        case ethnicity_concept_id when 38003563 then 'hispanic' when 38003564 then 'not hispanic' end
            as ethnicity,
        language_code as language,
        payer,
        {{ age_band_of('age_years') }} as age_band
    from joined
)

select * from final
