{#- The short name of a code system, as the seeds write it; an unknown system keeps its own name. -#}
{% macro code_system_name(column) -%}
    case
        when {{ column }} in ('http://loinc.org', 'urn:oid:2.16.840.1.113883.6.1') then 'LOINC'
        when {{ column }} in ('http://snomed.info/sct', 'urn:oid:2.16.840.1.113883.6.96') then 'SNOMED'
        when {{ column }} in ('http://hl7.org/fhir/sid/icd-10-cm', 'urn:oid:2.16.840.1.113883.6.90') then 'ICD-10-CM'
        else {{ column }}
    end
{%- endmacro %}

{#- Text as words: lower case, every run of characters that are no letter, digit, `_` or `/` one space, trimmed. -#}
{% macro normalised_text(column) -%}
    trim(regexp_replace(lower({{ column }}), '[^\pL\pM\pN_/]+', ' ', 'g'))
{%- endmacro %}

{#- The clauses of a text: what stands between signs such as a comma or a full stop. -#}
{% macro clauses_of(column) -%}
    string_split_regex({{ column }}, '[.,;:!?()\[\]{}|+\n\r–—]+| -+ ')
{%- endmacro %}

{#- An emergency severity index (LOINC 75636-1) by its number or as LOINC's own answer (list LL3056-0). -#}
{% macro triage_level_of(code) -%}
    case {{ code }}
        when '1' then 1 when '2' then 2 when '3' then 3 when '4' then 4 when '5' then 5
        when 'LA21567-5' then 1 when 'LA21752-3' then 2 when 'LA21753-1' then 3 when 'LA21754-9' then 4
        when 'LA21755-6' then 5
    end
{%- endmacro %}
