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

placed as (
    {{ placed_events() }}
),

readings as (
    {%- for model in ['int_measurement', 'int_observation'] %}
        select
            readings.site,
            readings.person_key,
            readings.feed,
            readings.event_key,
            readings.code_system,
            readings.code,
            readings.concept_id,
            date_trunc('minute', readings.occurred_at) as minute,
            readings.omop_table
        from {{ ref(model) }} as readings
        inner join placed on readings.omop_table = placed.omop_table and readings.row_id = placed.row_id
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

results as (
    select
        results.site,
        results.message_key,
        results.event_key,
        results.person_key,
        results.code_system,
        results.code,
        codes.concept_id,
        date_trunc('minute', results.occurred_at) as minute,
        results.left_out,
        string_agg(distinct own.omop_table, ' and ' order by own.omop_table) as omop_table
    from {{ ref('int_hl7_result') }} as results
    left join readings as own
        on results.site = own.site and own.feed = 'hl7v2' and results.event_key = own.event_key
    {{ join_concept('codes', 'results.code_system', 'results.code', 'results.site') }}
    group by all
),

-- Told before by somebody who is believed first: the same reading of the same minute is there.
retold as (
    select distinct
        results.site,
        results.message_key,
        results.event_key
    from results
    inner join readings
        on
            results.site = readings.site and results.person_key = readings.person_key
            and results.minute = readings.minute
            and (
                (results.code_system = readings.code_system and results.code = readings.code)
                or (readings.concept_id > 0 and results.concept_id = readings.concept_id)
            )
    where results.left_out is null and results.omop_table is null
),

reasoned as (
    select
        results.site,
        results.message_key,
        case when results.left_out is null then results.omop_table end as omop_table,
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
            when bool_or(
                reasoned.message_key is not null and reasoned.omop_table is null and reasoned.left_out is null
            ) then null
            else string_agg(distinct reasoned.omop_table, ' and ' order by reasoned.omop_table)
        end as omop_table,
        case
            when bool_or(reasoned.omop_table is not null) then null
            when bool_or(reasoned.message_key is not null and reasoned.left_out is null) then null
            else
                coalesce(string_agg(distinct reasoned.left_out, ', ' order by reasoned.left_out), 'no result')
        end as left_out
    from {{ ref('stg_hl7_oru') }} as messages
    left join reasoned
        on messages.site = reasoned.site and messages.message_key = reasoned.message_key
    group by messages.site, messages._key
),

imaged as (
    select
        told.site,
        told.procedure_key as record_key,
        told.omop_table
    from {{ ref('int_procedure') }} as told
    inner join placed on told.omop_table = placed.omop_table and told.row_id = placed.row_id
    where told.feed = 'dicom'
    union
    select
        site,
        event_key as record_key,
        omop_table
    from readings
    where feed = 'dicom'
),

images as (
    select
        instances.site,
        instances._key,
        coalesce(
            string_agg(distinct studies.omop_table, ' and ' order by studies.omop_table),
            string_agg(distinct findings.omop_table, ' and ' order by findings.omop_table)
        ) as omop_table,
        case
            when bool_or(coalesce(studies.omop_table, findings.omop_table) is not null) then null
            else min(coalesce(told.left_out, series.left_out))
        end as left_out
    from {{ ref('stg_dicom_instance') }} as instances
    left join {{ ref('int_dicom_study') }} as told
        on instances.site = told.site and instances.study_key = told.study_key
    left join imaged as studies on told.site = studies.site and told.procedure_key = studies.record_key
    left join {{ ref('int_dicom_finding') }} as series
        on instances.site = series.site and instances.series_key = series.series_key
    left join imaged as findings on series.site = findings.site and series.event_key = findings.record_key
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
