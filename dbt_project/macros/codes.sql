{#- The short name of a code system, as the seeds write it; an unknown system keeps its own name. -#}
{% macro code_system_name(column) -%}
    case
        when {{ column }} in ('http://loinc.org', 'urn:oid:2.16.840.1.113883.6.1') then 'LOINC'
        when {{ column }} in ('http://snomed.info/sct', 'urn:oid:2.16.840.1.113883.6.96') then 'SNOMED'
        when {{ column }} in ('http://hl7.org/fhir/sid/icd-10-cm', 'urn:oid:2.16.840.1.113883.6.90') then 'ICD-10-CM'
        else {{ column }}
    end
{%- endmacro %}

{#- Text as complaint terms are matched against: lower case, every run outside [a-z0-9/] one space, trimmed. -#}
{% macro normalised_text(column) -%}
    trim(regexp_replace(lower({{ column }}), '[^a-z0-9/]+', ' ', 'g'))
{%- endmacro %}
