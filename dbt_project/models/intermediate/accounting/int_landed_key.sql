{#-
    Written apart from the staging models on purpose, and from the files themselves, so that one fault cannot hide in
    both. What a finished build has read of a key is in the table already.
-#}
{{ config(
    materialized = 'incremental', incremental_strategy = 'keys', on_schema_change = 'fail',
    unique_key = ['lake_table', 'site', '_key'],
) }}
{%- set in_error = "status = 'entered-in-error'" -%}
{%- set not_performed = "status in ('entered-in-error', 'not-done')" -%}
{%- set not_billed = "status in ('entered-in-error', 'cancelled', 'draft')"
    ~ " or use in ('preauthorization', 'predetermination')" -%}
{%- set not_reported = "status in ('entered-in-error', 'cancelled', 'registered')" -%}
{%- set fhir = {
    'fhir_patient': 'false',
    'fhir_encounter': "status in ('entered-in-error', 'cancelled', 'planned')",
    'fhir_condition': "verification_status in ('entered-in-error', 'refuted')",
    'fhir_observation': "status in ('entered-in-error', 'cancelled')",
    'fhir_location': 'false',
    'fhir_organization': 'false',
    'fhir_procedure': "status in ('entered-in-error', 'not-done', 'preparation')",
    'fhir_medication': in_error,
    'fhir_medication_request': "status in ('entered-in-error', 'cancelled', 'draft')"
        ~ " or intent in ('proposal', 'plan', 'option') or is_prohibition",
    'fhir_medication_administration': not_performed,
    'fhir_medication_statement': "status in ('entered-in-error', 'intended', 'not-taken')",
    'fhir_immunization': not_performed,
    'fhir_device': in_error,
    'fhir_device_use_statement': "status in ('entered-in-error', 'intended')",
    'fhir_practitioner': 'false',
    'fhir_practitioner_role': 'false',
    'fhir_coverage': "status in ('entered-in-error', 'cancelled', 'draft')",
    'fhir_claim': not_billed,
    'fhir_explanation_of_benefit': not_billed ~ " or outcome in ('queued', 'error')",
    'fhir_specimen': in_error,
    'fhir_document_reference': in_error ~ " or doc_status = 'entered-in-error'",
    'fhir_diagnostic_report': not_reported,
    'fhir_imaging_study': not_reported,
    'fhir_allergy_intolerance': "verification_status in ('entered-in-error', 'refuted')",
    'fhir_appointment': in_error,
    'fhir_resource': 'false',
} -%}
{#- Tables of the interfaces and of the site's own files, by feed, and what withdraws a row of each. -#}
{#- Marked as training or test, where the site does not take these as real. -#}
{%- set taken = var('sites_that_take_test_records') -%}
{%- set here = ("site not in ('" ~ taken | join("', '") ~ "')") if taken else 'true' -%}
{%- set for_test = "(test_code is not null and " ~ here ~ ")" -%}
{%- set practice = "processing_code in ('T', 'D', 't', 'd') and " ~ here -%}
{%- set files = {
    'hl7v2_adt': ('hl7v2', practice),
    'hl7v2_oru': ('hl7v2', practice),
    'hl7v2_siu': ('hl7v2', practice),
    'hl7v2_message': ('hl7v2', practice),
    'dicom_instance': ('dicom', 'false'),
    'x12_claim': ('x12_837', "frequency_code = '8' or (is_test and " ~ here ~ ")"),
    'clinic_appointment': ('appointments', "status = 'entered_in_error'"),
    'triage_note': ('triage_notes', 'false'),
    'note_text': ('note_text', 'false'),
    'unit_staffing': ('staffing', 'false'),
    'roster_shift': ('rosters', 'false'),
    'staff_wish': ('wishes', 'false'),
    'staff_leave': ('leave', 'false'),
    'staff_employment': ('workforce', 'false'),
    'unit_census': ('census', 'false'),
    'demand_count': ('demand', 'false'),
    'nhamcs_visit': ('nhamcs_ed', 'false'),
    'synthea_patient': ('synthea_csv', 'false'),
    'synthea_encounter': ('synthea_csv', 'false'),
    'synthea_condition': ('synthea_csv', 'false'),
    'synthea_allergy': ('synthea_csv', 'false'),
    'synthea_careplan': ('synthea_csv', 'false'),
    'synthea_device': ('synthea_csv', 'false'),
    'synthea_imaging_study': ('synthea_csv', 'false'),
    'synthea_immunization': ('synthea_csv', 'false'),
    'synthea_medication': ('synthea_csv', 'false'),
    'synthea_observation': ('synthea_csv', 'false'),
    'synthea_payer_transition': ('synthea_csv', 'false'),
    'synthea_procedure': ('synthea_csv', 'false'),
    'synthea_supply': ('synthea_csv', 'false'),
    'synthea_organization': ('synthea_csv', 'false'),
    'synthea_payer': ('synthea_csv', 'false'),
    'synthea_provider': ('synthea_csv', 'false'),
} -%}
{%- set dead = {
    'fhir_patient': 'is_deceased or deceased_at is not null',
    'nhamcs_visit': 'dieded or doa or hospital_discharge_status = 2',
    'synthea_patient': 'death_date is not null',
} -%}

with

versions as (
    {%- for table in fhir.keys() | list + files.keys() | list %}
        {%- set feed, withdrawn = files.get(table, ('ehr_fhir', fhir.get(table, '') ~ ' or ' ~ for_test)) %}
        {{ 'union all' if not loop.first }}
        {%- do source(feed, table) %}
        select
            '{{ table }}' as lake_table,
            site,
            _key,
            _arrived_at as arrived_at,
            struct_pack(
                is_deleted := _is_deleted,
                is_withdrawn := coalesce({{ withdrawn }}, false),
                is_dead := coalesce({{ dead.get(table, 'false') }}, false)
            ) as fate,
            struct_pack(
                version_at := coalesce(_version_at, _arrived_at),
                arrived_at := _arrived_at,
                line := _line,
                file := _file
            ) as recency
        from lake_arrived.{{ table }}
    {%- endfor %}
),

{% if is_incremental() -%}
    known as (
        select
            landed.lake_table,
            landed.site,
            landed._key,
            landed.arrived_at,
            landed.fate,
            landed.recency
        from {{ this }} as landed
        semi join versions
            on
                landed.lake_table = versions.lake_table and landed.site = versions.site
                and landed._key = versions._key
    ),
{%- endif %}

all_versions as (
    select * from versions
    {% if is_incremental() -%}
        union all
        select * from known
    {%- endif %}
),

-- Choosing among versions is dear; most keys have one.
several as (
    select
        lake_table,
        site,
        _key
    from all_versions
    group by lake_table, site, _key
    having count(*) > 1
),

newest as (
    select all_versions.*
    from all_versions
    anti join several
        on
            all_versions.lake_table = several.lake_table and all_versions.site = several.site
            and all_versions._key = several._key
    union all by name
    select
        all_versions.lake_table,
        all_versions.site,
        all_versions._key,
        max(all_versions.arrived_at) as arrived_at,
        max_by(all_versions.fate, all_versions.recency) as fate,
        max(all_versions.recency) as recency
    from all_versions
    semi join several
        on
            all_versions.lake_table = several.lake_table and all_versions.site = several.site
            and all_versions._key = several._key
    group by all_versions.lake_table, all_versions.site, all_versions._key
),

final as (
    select
        lake_table,
        site,
        _key,
        arrived_at,
        struct_extract(fate, 'is_deleted') as is_deleted,
        struct_extract(fate, 'is_withdrawn') as is_withdrawn,
        struct_extract(fate, 'is_dead') as is_dead,
        fate,
        recency
    from newest
)

select * from final
