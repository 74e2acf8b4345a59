{{ config(
    materialized = 'incremental', incremental_strategy = 'touched_records', on_schema_change = 'fail',
) }}
{#- Records of events, sorted into tables by their standard concepts: model, key, conformed model, feed. -#}
{%- set events = [
    ('int_fhir_condition', 'condition_key', 'int_condition', 'ehr_fhir'),
    ('int_fhir_procedure', 'procedure_key', 'int_procedure', 'ehr_fhir'),
    ('int_fhir_drug', 'drug_key', 'int_drug', 'ehr_fhir'),
    ('int_fhir_finding', 'event_key', 'int_observation', 'ehr_fhir'),
    ('int_synthea_condition', 'condition_key', 'int_condition', 'synthea_csv'),
    ('int_synthea_procedure', 'procedure_key', 'int_procedure', 'synthea_csv'),
    ('int_synthea_drug', 'drug_key', 'int_drug', 'synthea_csv'),
    ('int_synthea_device', 'use_key', 'int_device', 'synthea_csv'),
    ('int_synthea_observation', 'event_key', 'int_observation', 'synthea_csv'),
] -%}
{#- The tables of all rows of a record; null where one is missing. -#}
{%- set tables_of_rows %}
    case
        when bool_or(placed.row_id is null) then null
        else {{ tables_in_words('placed.omop_table') }}
    end
{%- endset -%}
{#- Records that become one row each, by the hash of their key: model, key, OMOP table, its key and feed. -#}
{%- set facts = [
    ('int_fhir_specimen', 'specimen_key', 'specimen', 'specimen_id', 'ehr_fhir'),
    ('int_fhir_payer_period', 'coverage_key', 'payer_plan_period', 'payer_plan_period_id', 'ehr_fhir'),
    ('int_fhir_cost', 'cost_key', 'cost', 'cost_id', 'ehr_fhir'),
    ('int_synthea_payer_period', 'coverage_key', 'payer_plan_period', 'payer_plan_period_id', 'synthea_csv'),
] -%}
{#- Until contract 2.0.0 these types landed with type and patient only; their files must land anew. -#}
{%- set own_tables %}
    'Procedure', 'Medication', 'MedicationRequest', 'MedicationAdministration', 'MedicationStatement',
    'Immunization', 'Device', 'DeviceUseStatement', 'Practitioner', 'PractitionerRole', 'Coverage', 'Claim',
    'ExplanationOfBenefit', 'Specimen', 'DocumentReference', 'DiagnosticReport', 'ImagingStudy',
    'AllergyIntolerance', 'Appointment'
{%- endset -%}
{#- Tables of the site's own files that OMOP has no table for, or not yet. -#}
{%- set files = [
    ('hl7v2_siu', 'stg_hl7_siu', 'no home in OMOP'),
    ('clinic_appointment', 'stg_clinic_appointment', 'no home in OMOP'),
    ('unit_staffing', 'stg_unit_staffing', 'no home in OMOP'),
    ('roster_shift', 'stg_roster_shift', 'no home in OMOP'),
    ('staff_wish', 'stg_staff_wish', 'no home in OMOP'),
    ('staff_leave', 'stg_staff_leave', 'no home in OMOP'),
    ('staff_employment', 'stg_staff_employment', 'no home in OMOP'),
    ('unit_census', 'stg_unit_census', 'no home in OMOP'),
    ('demand_count', 'stg_demand_count', 'no home in OMOP'),
    ('synthea_careplan', 'stg_synthea_careplan', 'no home in OMOP'),
    ('synthea_imaging_study', 'stg_synthea_imaging_study', 'no home in OMOP'),
    ('synthea_payer', 'stg_synthea_payer', 'names the payer of other records'),
] -%}
{#- Readings, whose concept says whether they are measurements or observations. -#}
{%- set readings = [
    ('fhir_observation', 'int_fhir_event', 'observation_key', 'ehr_fhir'),
    ('synthea_observation', 'int_synthea_finding', 'event_key', 'synthea_csv'),
] -%}
{%- set places = [
    ('fhir_location', 'stg_fhir_location', 'location_key'),
    ('fhir_organization', 'stg_fhir_organization', 'organization_key'),
    ('synthea_organization', 'stg_synthea_organization', 'organization_key'),
] -%}
{#- Patients, visits and clinicians that are known by their own key alone. -#}
{%- set own = {
    'synthea_encounter': ('stg_synthea_encounter', 'visit_occurrence', visit_id('found.site', 'found.encounter_key')),
    'synthea_provider': ('stg_synthea_provider', 'provider', provider_id('found.site', 'found.practitioner_key')),
} -%}

with

placed as (
    {{ placed_events() }}
),

patients as (
    select
        links.site,
        patients._key,
        'fhir_patient' as lake_table,
        if(persons.person_id is not null, 'person', null) as omop_table,
        cast(null as varchar) as left_out,
        deaths.person_id is not null
        and coalesce(patients.is_deceased or patients.deceased_at is not null, false) as is_dead
    from {{ ref('stg_fhir_patient') }} as patients
    inner join {{ ref('int_person_link') }} as links
        on patients.site = links.site and patients.patient_key = links.reference_key
    left join {{ ref('person') }} as persons
        on persons.person_id = {{ person_id('links.site', 'links.person_key') }}
    left join {{ ref('death') }} as deaths on persons.person_id = deaths.person_id
),

synthetic as (
    select
        found.site,
        found._key,
        'synthea_patient' as lake_table,
        if(persons.person_id is not null, 'person', null) as omop_table,
        deaths.person_id is not null and found.death_date is not null as is_dead
    from {{ ref('stg_synthea_patient') }} as found
    left join {{ ref('person') }} as persons
        on persons.person_id = {{ person_id('found.site', 'found.patient_key') }}
    left join {{ ref('death') }} as deaths on persons.person_id = deaths.person_id
    {%- for lake_table, (model, table, id) in own.items() %}
        union all by name
        select
            found.site,
            found._key,
            '{{ lake_table }}' as lake_table,
            if(placed.{{ table }}_id is not null, '{{ table }}', null) as omop_table
        from {{ ref(model) }} as found
        left join {{ ref(table) }} as placed on placed.{{ table }}_id = {{ id }}
    {%- endfor %}
),

surveyed as (
    select
        surveyed.site,
        surveyed._key,
        'nhamcs_visit' as lake_table,
        if(persons.person_id is not null, 'visit_occurrence', null) as omop_table,
        deaths.person_id is not null as is_dead
    from {{ ref('stg_nhamcs_visit') }} as surveyed
    left join {{ ref('visit_occurrence') }} as visits
        on visits.visit_occurrence_id = {{ visit_id('surveyed.site', 'surveyed.visit_key') }}
    left join {{ ref('person') }} as persons on visits.person_id = persons.person_id
    left join {{ ref('death') }} as deaths on persons.person_id = deaths.person_id
),

encounters as (
    select
        encounters.site,
        encounters._key,
        'fhir_encounter' as lake_table,
        if(visits.visit_occurrence_id is not null, 'visit_occurrence', null) as omop_table
    from {{ ref('stg_fhir_encounter') }} as encounters
    left join {{ ref('visit_occurrence') }} as visits
        on visits.visit_occurrence_id = {{ visit_id('encounters.site', 'encounters.encounter_key') }}
),

places as (
    {%- for lake_table, model, key in places %}
        select
            places.site,
            places._key,
            '{{ lake_table }}' as lake_table,
            if(care_sites.care_site_id is not null, 'care_site', null) as omop_table
        from {{ ref(model) }} as places
        left join {{ ref('care_site') }} as care_sites
            on care_sites.care_site_id = {{ care_site_id('places.site', 'places.' ~ key) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

practitioners as (
    select
        practitioners.site,
        practitioners._key,
        'fhir_practitioner' as lake_table,
        if(providers.provider_id is not null, 'provider', null) as omop_table
    from {{ ref('stg_fhir_practitioner') }} as practitioners
    left join {{ ref('provider') }} as providers
        on providers.provider_id = {{ provider_id('practitioners.site', 'practitioners.practitioner_key') }}
),

observed as (
    select * from {{ ref('int_measurement') }}
    where feed in ('ehr_fhir', 'synthea_csv')
    union all by name
    select * from {{ ref('int_observation') }}
    where feed in ('ehr_fhir', 'synthea_csv')
),

observations as (
    {%- for lake_table, model, key, feed in readings %}
        select
            events.site,
            events.{{ key }} as _key,
            '{{ lake_table }}' as lake_table,
            {{ tables_of_rows }} as omop_table,
            if(bool_or(events.person_key is null), 'no person', null) as left_out
        from {{ ref(model) }} as events
        left join observed
            on
                observed.feed = '{{ feed }}' and events.site = observed.site
                and events.event_key = observed.event_key
        left join placed on observed.omop_table = placed.omop_table and observed.row_id = placed.row_id
        group by events.site, events.{{ key }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

events as (
    {%- for model, key, conformed, feed in events %}
        select
            events.site,
            events.{{ key }} as _key,
            events.lake_table,
            {{ tables_of_rows }} as omop_table,
            any_value(events.left_out) as left_out
        from {{ ref(model) }} as events
        left join {{ ref(conformed) }} as targets
            on
                targets.feed = '{{ feed }}' and events.site = targets.site
                and events.{{ key }} = targets.{{ key }}
        left join placed on targets.omop_table = placed.omop_table and targets.row_id = placed.row_id
        group by events.site, events.lake_table, events.{{ key }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

facts as (
    {%- for model, key, table, id, feed in facts %}
        select
            facts.site,
            facts.{{ key }} as _key,
            facts.lake_table,
            if(placed.{{ id }} is not null, '{{ table }}', null) as omop_table,
            facts.left_out
        from {{ ref(model) }} as facts
        left join {{ ref(table) }} as placed
            on placed.{{ id }} = {{ record_id('facts.site', "'" ~ feed ~ "'", 'facts.' ~ key) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

uses as (
    select
        uses.site,
        uses.use_key,
        uses.lake_table,
        uses.device_key,
        {{ tables_of_rows }} as omop_table,
        any_value(uses.left_out) as left_out
    from {{ ref('int_fhir_device_use') }} as uses
    left join {{ ref('int_device') }} as targets
        on targets.feed = 'ehr_fhir' and uses.site = targets.site and uses.use_key = targets.use_key
    left join placed on targets.omop_table = placed.omop_table and targets.row_id = placed.row_id
    group by uses.site, uses.lake_table, uses.use_key, uses.device_key
),

stated_uses as (
    select
        site,
        use_key as _key,
        lake_table,
        omop_table,
        left_out
    from uses
    where lake_table = 'fhir_device_use_statement'
),

devices as (
    select
        devices.site,
        devices._key,
        'fhir_device' as lake_table,
        min(uses.omop_table) as omop_table,
        if(bool_or(uses.omop_table is not null), null, 'no date of use') as left_out
    from {{ ref('stg_fhir_device') }} as devices
    left join uses on devices.site = uses.site and devices.device_key = uses.device_key
    group by devices.site, devices._key
),

others as (
    select
        site,
        _key,
        'fhir_practitioner_role' as lake_table,
        'describes a provider' as left_out
    from {{ ref('stg_fhir_practitioner_role') }}
    union all
    select
        site,
        _key,
        'fhir_medication' as lake_table,
        'names the drug of other records' as left_out
    from {{ ref('stg_fhir_medication') }}
    union all
    select
        site,
        _key,
        'fhir_appointment' as lake_table,
        'no home in OMOP' as left_out
    from {{ ref('stg_fhir_appointment') }}
    union all
    select
        site,
        _key,
        'fhir_resource' as lake_table,
        case
            when resource_type in ({{ own_tables }}) then 'landed before its type had a table'
            else 'no home in OMOP'
        end as left_out
    from {{ ref('stg_fhir_resource') }}
    {%- for lake_table, model, reason in files %}
        union all
        select
            site,
            _key,
            '{{ lake_table }}' as lake_table,
            '{{ reason }}' as left_out
        from {{ ref(model) }}
    {%- endfor %}
),

fates as (
    select * from patients
    union all by name
    select * from {{ ref('int_placed_interface_key') }}
    union all by name
    select * from {{ ref('int_note_fate') }}
    union all by name
    select * from {{ ref('int_fhir_test_record') }}
    {%- for part in [
        'surveyed', 'synthetic', 'encounters', 'places', 'practitioners', 'observations', 'events', 'facts', 'stated_uses', 'devices',
        'others',
    ] %}
        union all by name
        select * from {{ part }}
    {%- endfor %}
),

final as (
    select
        * replace (coalesce(is_dead, false) as is_dead),
        omop_table is not null as is_placed
    from fates
)

select * from final
