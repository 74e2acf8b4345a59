{#- The short name of a code system as HL7 v2 (table 0396) and DICOM write it; local systems keep their own name. -#}
{% macro message_code_system(column) -%}
    case upper({{ column }})
        when 'LN' then 'LOINC' when 'LOINC' then 'LOINC'
        when 'SCT' then 'SNOMED' when 'SNM' then 'SNOMED' when 'SNM3' then 'SNOMED' when 'SRT' then 'SNOMED'
        when 'SNOMED-CT' then 'SNOMED'
        when 'I10' then 'ICD-10' when 'I10C' then 'ICD-10-CM' when 'ICD10' then 'ICD-10' when 'I9C' then 'ICD-9-CM'
        when 'RXNORM' then 'RxNorm' when 'CVX' then 'CVX' when 'C4' then 'CPT' when 'CPT4' then 'CPT'
        else {{ column }}
    end
{%- endmacro %}

{#- Which of a code and its alternate says more to others: the one of a system that everybody knows. -#}
{% macro prefers_alternate(system, alternate) -%}
    coalesce(
        {{ message_code_system(alternate) }} in ('LOINC', 'SNOMED', 'ICD-10-CM', 'RxNorm')
        and {{ message_code_system(system) }} not in ('LOINC', 'SNOMED', 'ICD-10-CM', 'RxNorm'),
        {{ system }} is null and {{ alternate }} is not null
    )
{%- endmacro %}

{#- Whether a record is marked as training or test, at a site that does not say that its marked records are real. -#}
{% macro is_for_practice(mark) -%}
    {%- set taken = var('sites_that_take_test_records') -%}
    coalesce(
        {{ mark }}
        {%- if taken %} and site not in ('{{ taken | join("', '") }}'){% endif %}, false
    )
{%- endmacro %}

{#- MSH-11: training or debugging. -#}
{% macro is_practice_message() -%}
    {{ is_for_practice("upper(processing_code) in ('T', 'D')") }}
{%- endmacro %}

{#-
    After `latest_version('source')`: without what FHIR marks as made up for a test (HTEST), and where a column, or a
    field of a list of them, names patients, without what is of a test patient (int_fhir_test_record gives these a fate).
-#}
{% macro where_not_for_test(patients=none) -%}
    where
        not {{ is_for_practice('test_code is not null') }}
        {%- if patients %}
        and not exists (
            select 1 from {{ ref('stg_fhir_test_patient') }} as tested
            where
                source.site = tested.site
                {%- if '.' in patients %}
                and list_contains({{ key_list([patients]) }}, tested.reference_key)
                {%- else %}
                and source.{{ patients }} = tested.reference_key
                {%- endif %}
        )
        {%- endif %}
{%- endmacro %}

{#- An ICD-10 code with its dot, which claims leave out. -#}
{% macro dotted_icd(code) -%}
    case
        when length({{ code }}) > 3 and not contains({{ code }}, '.') then {{ code }}[1:3] || '.' || {{ code }}[4:]
        else {{ code }}
    end
{%- endmacro %}

{#- The short name of a code system as claims are read: the reader's addresses. -#}
{% macro billing_code_system(column) -%}
    case {{ column }}
        when 'http://hl7.org/fhir/sid/icd-10-cm' then 'ICD-10-CM'
        when 'http://hl7.org/fhir/sid/icd-9-cm' then 'ICD-9-CM'
        when 'http://hl7.org/fhir/sid/icd-10-pcs' then 'ICD-10-PCS'
        when 'http://hl7.org/fhir/sid/icd-9-cm-procedures' then 'ICD-9-PCS'
        when 'http://www.ama-assn.org/go/cpt' then 'CPT'
        when 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets' then 'HCPCS'
        when 'http://www.ada.org/cdt' then 'CDT'
        when 'http://hl7.org/fhir/sid/ndc' then 'NDC'
        else {{ column }}
    end
{%- endmacro %}

{#- Codes of race and ethnicity are the CDC's (1002-5, 2135-2) or the site's own. -#}
{% macro race_system(code) -%}
    case when regexp_full_match({{ code }}, '[0-9]{4}-[0-9]') then 'OMB' else 'HL7 0005' end
{%- endmacro %}

{#- The kind of place that a unit's code means at a site (v3-RoleCode), as the site's file says. -#}
{% macro unit_place(site, unit) -%}
    {%- set sites = var('units') -%}
    case
        {%- for name, units in (sites if sites is mapping else {}).items() %}
        {%- for code, place in units.items() %}
        when {{ site }} = '{{ name }}' and {{ unit }} = '{{ code }}' then '{{ place }}'
        {%- endfor %}
        {%- endfor %}
        when {{ site }} is null then cast(null as varchar)
    end
{%- endmacro %}
