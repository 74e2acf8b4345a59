with

visits as (
    select * from {{ ref('int_triage_visit') }}
),

vitals as (
    select * from {{ ref('int_triage_vital') }}
),

complaints as (
    select * from {{ ref('int_triage_complaint') }}
),

histories as (
    select
        visit_occurrence_id,
        history_groups,
        _arrived_at
    from {{ ref('int_triage_history') }}
),

labels as (
    select * from {{ ref('int_triage_label') }}
),

joined as (
    select
        visits.* replace (
            coalesce(visits.arrived_by_ambulance, vitals.arrived_by_ambulance) as arrived_by_ambulance
        ),
        vitals.* exclude (visit_occurrence_id, arrived_by_ambulance, _arrived_at),
        complaints.complaint_groups,
        case when visits.is_history_known then coalesce(histories.history_groups, []) end as history_groups,
        labels.* exclude (visit_occurrence_id),
        greatest(visits._arrived_at, vitals._arrived_at, complaints._arrived_at, histories._arrived_at)
            as known_at
    from visits
    left join vitals on visits.visit_occurrence_id = vitals.visit_occurrence_id
    left join complaints on visits.visit_occurrence_id = complaints.visit_occurrence_id
    left join histories on visits.visit_occurrence_id = histories.visit_occurrence_id
    left join labels on visits.visit_occurrence_id = labels.visit_occurrence_id
),

published as (
    {{ published('joined', ['arrived_at', 'triaged_at', 'charted_at', 'known_at', 'labels_known_at'], more = {
        'arrived_local': published_local_time('joined', 'arrived_at'),
        'age_years': published_age('persons.birth_date', published_local_time('joined', 'arrived_at')),
    }) }}
),

judged as (
    select
        *,
        case when has_arrival_time then hour(arrived_local) end as local_hour,
        case when has_arrival_time then cast(arrived_local as time) end as local_time,
        case
            when is_dead_on_arrival then 'dead on arrival'
            when age_years is null then 'age not known'
            when age_years < 18 then 'under 18'
        end as ineligible_reason
    from published
),

final as (
    select
        visit_occurrence_id,
        person_id,
        site,
        visit_key,
        arrived_at,
        triaged_at,
        coalesce(charted_at, triaged_at) as charted_at,
        known_at,
        unit,
        {{ shift_of('site', 'local_time') }} as shift,
        age_years,
        case gender_concept_id when 8507 then 'male' when 8532 then 'female' end as sex,
        cast(local_hour as integer) as arrival_hour,
        cast(isodow(arrived_local) as integer) as arrival_weekday,
        cast(month(arrived_local) as integer) as arrival_month,
        arrived_by_ambulance,
        temperature_c,
        heart_rate,
        respiratory_rate,
        oxygen_saturation,
        systolic_bp,
        diastolic_bp,
        cast(pain_score as integer) as pain_score,
        cast(triage_level as integer) as triage_level,
        seen_72h,
        list_contains(complaint_groups, 'injury') as is_injury,
        {%- for group in complaint_groups() if group != 'injury' %}
            list_contains(complaint_groups, '{{ group }}') as complaint_{{ group }},
        {%- endfor %}
        {%- for group in history_groups() %}
            list_contains(history_groups, '{{ group }}') as history_{{ group }},
        {%- endfor %}
        cast(len(history_groups) as integer) as history_count,
        critical_care,
        admission,
        labels_known_at,
        ineligible_reason is null as is_eligible,
        ineligible_reason,
        {{ race_of('race_concept_id') }} as race,
        case ethnicity_concept_id when 38003563 then 'hispanic' when 38003564 then 'not hispanic' end
            as ethnicity,
        language_code as language,
        payer,
        {{ age_band_of('age_years') }} as age_band
    from judged
)

select * from final
