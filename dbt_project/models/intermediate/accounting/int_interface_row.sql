{{ config(
    materialized = 'incremental', incremental_strategy = 'touched_persons', on_schema_change = 'fail',
) }}
{#- Conformed models whose rows name the message or claim and its part: model, feed, key, lake table. -#}
{%- set named = [
    ('int_condition', 'hl7v2', 'message_key', 'hl7v2_adt'),
    ('int_condition', 'x12_837', 'claim_key', 'x12_claim'),
    ('int_procedure', 'x12_837', 'claim_key', 'x12_claim'),
] -%}

with

results as (
    select * from {{ ref('int_hl7_result') }}
),

claims as (
    select * from {{ ref('int_x12_claim') }}
    where left_out is null
),

instances as (
    select * from {{ ref('stg_dicom_instance') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

told as (
    {%- for model, feed, key, lake_table in named %}
        select
            person_id,
            omop_table,
            row_id,
            site,
            '{{ lake_table }}' as lake_table,
            {{ key }} as record_key,
            part
        from {{ ref(model) }}
        where feed = '{{ feed }}'
        union all
    {%- endfor %}
    {#- All messages that told a result: the first, and those that corrected it. -#}
    {%- for model in ['int_measurement', 'int_observation'] %}
        select
            readings.person_id,
            readings.omop_table,
            readings.row_id,
            readings.site,
            'hl7v2_oru' as lake_table,
            results.message_key as record_key,
            results.part
        from {{ ref(model) }} as readings
        inner join results on readings.site = results.site and readings.event_key = results.event_key
        where readings.feed = 'hl7v2'
        union all
    {%- endfor %}
    select
        specimens.person_id,
        'specimen' as omop_table,
        specimens.specimen_id as row_id,
        specimens.site,
        'hl7v2_oru' as lake_table,
        results.message_key as record_key,
        results.part
    from {{ ref('int_specimen') }} as specimens
    inner join results
        on
            specimens.site = results.site
            and specimens.specimen_key = {{ natural_key([
                'results.person_key', 'results.order_key', 'results.specimen_code',
                time_in_key('results.site', 'epoch_ms(results.collected_at)'),
            ]) }}
    where specimens.feed = 'hl7v2' and results.collected_at is not null
    union all
    select
        visits.person_id,
        'visit_occurrence' as omop_table,
        visits.visit_occurrence_id as row_id,
        visits.site,
        'hl7v2_adt' as lake_table,
        events.message_key as record_key,
        events.event_code as part
    from {{ ref('int_visit') }} as visits
    inner join {{ ref('int_hl7_live_event') }} as events
        on visits.site = events.site and visits.visit_key = events.visit_key
    union all
    select
        visits.person_id,
        'visit_occurrence' as omop_table,
        visits.visit_occurrence_id as row_id,
        visits.site,
        'x12_claim' as lake_table,
        claims.claim_key as record_key,
        'claim' as part
    from {{ ref('int_visit') }} as visits
    inner join claims on visits.site = claims.site and visits.visit_key = claims.visit_key
    union all
    select
        persons.person_id,
        'person' as omop_table,
        persons.person_id as row_id,
        persons.site,
        'hl7v2_adt' as lake_table,
        messages.message_key as record_key,
        'PID' as part
    from {{ ref('int_person') }} as persons
    inner join links on persons.site = links.site and persons.person_key = links.person_key
    inner join {{ ref('stg_hl7_adt') }} as messages
        on links.site = messages.site and links.reference_key = messages.patient_key
    union all
    select
        {{ person_id('periods.site', 'periods.person_key') }} as person_id,
        'payer_plan_period' as omop_table,
        {{ record_id('periods.site', 'periods.feed', 'periods.coverage_key') }} as row_id,
        periods.site,
        'hl7v2_adt' as lake_table,
        told.message_key as record_key,
        told.part
    from {{ ref('int_payer_period') }} as periods
    inner join {{ ref('int_hl7_payer_period') }} as told
        on periods.site = told.site and periods.coverage_key = told.coverage_key
    where periods.feed = 'hl7v2'
    union all
    select
        {{ person_id('claims.site', 'claims.person_key') }} as person_id,
        'payer_plan_period' as omop_table,
        {{ record_id(
            'claims.site', "'x12_837'",
            natural_key(["'claims'", 'claims.person_key', 'claims.payer_key', 'claims.filing_code']),
        ) }} as row_id,
        claims.site,
        'x12_claim' as lake_table,
        claims.claim_key as record_key,
        'claim' as part
    from claims
    where claims.payer_key is not null
    union all
    select
        {{ person_id('billed.site', 'billed.person_key') }} as person_id,
        'cost' as omop_table,
        {{ record_id('billed.site', "'x12_837'", 'billed.cost_key') }} as row_id,
        billed.site,
        'x12_claim' as lake_table,
        billed.claim_key as record_key,
        billed.part
    from {{ ref('int_x12_cost') }} as billed
    where billed.left_out is null
    union all
    select
        procedures.person_id,
        procedures.omop_table,
        procedures.row_id,
        procedures.site,
        'dicom_instance' as lake_table,
        instances._key as record_key,
        cast(null as varchar) as part
    from {{ ref('int_procedure') }} as procedures
    inner join instances on procedures.site = instances.site and procedures.study_key = instances.study_key
    where procedures.feed = 'dicom'
    union all
    select
        findings.person_id,
        findings.omop_table,
        findings.row_id,
        findings.site,
        'dicom_instance' as lake_table,
        instances._key as record_key,
        cast(null as varchar) as part
    from {{ ref('int_observation') }} as findings
    inner join {{ ref('int_dicom_finding') }} as series
        on findings.site = series.site and findings.event_key = series.event_key
    inner join instances on series.site = instances.site and series.series_key = instances.series_key
    where findings.feed = 'dicom'
),

final as (
    select distinct * from told
)

select * from final
