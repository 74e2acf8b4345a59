{#- The short name of a code system of drugs, procedures, devices and clinicians; else that of any other record. -#}
{% macro record_code_system(column) -%}
    case
        when {{ column }} = 'http://www.nlm.nih.gov/research/umls/rxnorm' then 'RxNorm'
        when {{ column }} = 'http://hl7.org/fhir/sid/cvx' then 'CVX'
        when {{ column }} = 'http://nucc.org/provider-taxonomy' then 'NUCC'
        else {{ code_system_name(column) }}
    end
{%- endmacro %}

{#- The system as OMOP's source_vocabulary_id, which holds twenty characters. -#}
{% macro source_vocabulary_id(system) -%}
    case {{ system }}
        when 'FHIR administrative-gender' then 'FHIR gender'
        when 'FHIR discharge-disposition' then 'FHIR discharge'
        else {{ system }}
    end
{%- endmacro %}
