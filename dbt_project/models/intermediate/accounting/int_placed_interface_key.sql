with

visits as (
    select * from {{ ref('visit_occurrence') }}
),

persons as (
    select * from {{ ref('person') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

admissions as (
    select
        messages.site,
        messages._key,
        case
            when bool_or(visits.visit_occurrence_id is not null) then 'visit_occurrence'
            when count(events.message_key) = 0 and bool_or(persons.person_id is not null) then 'person'
        end as omop_table,
        case
            when bool_or(visits.visit_occurrence_id is not null) then null
            when bool_or(told.left_out is not null) then concat('visit: ', min(told.left_out))
            when bool_or(links.person_key is null) then 'no person'
        end as left_out
    from {{ ref('stg_hl7_adt') }} as messages
    left join links on messages.site = links.site and messages.patient_key = links.reference_key
    left join persons on persons.person_id = {{ person_id('links.site', 'links.person_key') }}
    left join {{ ref('int_hl7_live_event') }} as events
        on messages.site = events.site and messages.message_key = events.message_key
    left join {{ ref('int_hl7_visit') }} as told
        on events.site = told.site and events.visit_key = told.visit_key
    left join visits on visits.visit_occurrence_id = {{ visit_id('events.site', 'events.visit_key') }}
    group by messages.site, messages._key
),

-- Found by what OMOP holds, not by the rule that left it out.
results as (
    select
        results.*,
        coalesce(measurements.measurement_id, observations.observation_id) is not null as is_placed,
        measurements.measurement_id is not null as is_measured
    from {{ ref('int_hl7_result') }} as results
    left join {{ ref('measurement') }} as measurements
        on measurements.measurement_id = {{ record_id('results.site', "'hl7v2'", 'results.event_key') }}
    left join {{ ref('observation') }} as observations
        on observations.observation_id = {{ record_id('results.site', "'hl7v2'", 'results.event_key') }}
),

readings as (
    select
        person_id,
        date_trunc('minute', measurement_datetime) as minute,
        measurement_source_value as code,
        measurement_concept_id as concept_id
    from {{ ref('measurement') }}
    union all
    select
        person_id,
        date_trunc('minute', observation_datetime) as minute,
        observation_source_value as code,
        observation_concept_id as concept_id
    from {{ ref('observation') }}
),

retold as (
    select distinct
        results.site,
        results.message_key,
        results.event_key
    from results
    inner join readings
        on
            readings.person_id = {{ person_id('results.site', 'results.person_key') }}
            and readings.minute = date_trunc('minute', {{ utc('results.occurred_at') }})
            and (
                readings.code = results.code[1:50]
                or (readings.concept_id > 0 and results.concept_id = readings.concept_id)
            )
    where results.left_out is null and not results.is_placed
),

reasoned as (
    select
        results.site,
        results.message_key,
        results.is_placed and results.left_out is null as is_placed,
        results.is_measured,
        coalesce(
            results.left_out, case when retold.event_key is not null then 'told by the record system' end
        ) as left_out
    from results
    left join retold
        on
            results.site = retold.site and results.message_key = retold.message_key
            and results.event_key = retold.event_key
),

reports as (
    select
        messages.site,
        messages._key,
        case
            when bool_or(not reasoned.is_placed and reasoned.left_out is null) then null
            when bool_or(reasoned.is_placed) then concat_ws(
                ' and ',
                if(bool_or(reasoned.is_placed and reasoned.is_measured), 'measurement', null),
                if(bool_or(reasoned.is_placed and not reasoned.is_measured), 'observation', null)
            )
        end as omop_table,
        case
            when
                bool_or(reasoned.is_placed) or bool_or(reasoned.left_out is null and not reasoned.is_placed)
                then null
            else
                coalesce(string_agg(distinct reasoned.left_out, ', ' order by reasoned.left_out), 'no result')
        end as left_out
    from {{ ref('stg_hl7_oru') }} as messages
    left join reasoned
        on messages.site = reasoned.site and messages.message_key = reasoned.message_key
    group by messages.site, messages._key
),

images as (
    select
        instances.site,
        instances._key,
        case
            when bool_or(procedures.procedure_occurrence_id is not null) then 'procedure_occurrence'
            when bool_or(observations.observation_id is not null) then 'observation'
        end as omop_table,
        case
            when
                bool_or(coalesce(procedures.procedure_occurrence_id, observations.observation_id) is not null)
                then null
            else min(coalesce(studies.left_out, findings.left_out))
        end as left_out
    from {{ ref('stg_dicom_instance') }} as instances
    left join {{ ref('int_dicom_study') }} as studies
        on instances.site = studies.site and instances.study_key = studies.study_key
    left join {{ ref('procedure_occurrence') }} as procedures
        on
            procedures.procedure_occurrence_id
            = {{ record_id('studies.site', "'dicom'", 'studies.procedure_key') }}
    left join {{ ref('int_dicom_finding') }} as findings
        on instances.site = findings.site and instances.series_key = findings.series_key
    left join {{ ref('observation') }} as observations
        on observations.observation_id = {{ record_id('findings.site', "'dicom'", 'findings.event_key') }}
    group by instances.site, instances._key
),

claims as (
    select
        claims.site,
        claims._key,
        case
            when claims.left_out is null and bool_or(costs.cost_id is not null) then 'cost'
            when
                claims.left_out is null and bool_or(visits.visit_occurrence_id is not null)
                then 'visit_occurrence'
        end as omop_table,
        claims.left_out
    from {{ ref('int_x12_claim') }} as claims
    left join {{ ref('int_x12_cost') }} as charged
        on claims.site = charged.site and claims.claim_key = charged.claim_key
    left join {{ ref('cost') }} as costs
        on costs.cost_id = {{ record_id('charged.site', "'x12_837'", 'charged.cost_key') }}
    left join visits on visits.visit_occurrence_id = {{ visit_id('claims.site', 'claims.visit_key') }}
    group by claims.site, claims._key, claims.left_out
),

final as (
    select
        site,
        _key,
        'hl7v2_adt' as lake_table,
        omop_table,
        left_out
    from admissions
    union all
    select
        site,
        _key,
        'hl7v2_oru' as lake_table,
        omop_table,
        left_out
    from reports
    union all
    select
        site,
        _key,
        'dicom_instance' as lake_table,
        omop_table,
        left_out
    from images
    union all
    select
        site,
        _key,
        'x12_claim' as lake_table,
        omop_table,
        left_out
    from claims
)

select * from final
