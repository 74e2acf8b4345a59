{#- The mounted vocabulary's table (orchestration/vocabulary writes it); without rows where none is mounted. -#}
{% macro mounted(table, columns) -%}
    select
        {%- for name, kind in columns.items() %}
            cast({{ name if var('vocabulary', '') else 'null' }} as {{ kind }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    {% if var('vocabulary', '') -%}
        from read_parquet('{{ var("vocabulary") | replace("'", "''") }}/{{ table }}.parquet')
    {%- else -%}
        where false
    {%- endif %}
{%- endmacro %}

{#- Our short name of a code system that Athena calls otherwise. -#}
{% macro system_of_vocabulary(vocabulary_id) -%}
    case {{ vocabulary_id }}
        when 'ICD10CM' then 'ICD-10-CM'
        when 'ICD10' then 'ICD-10'
        when 'ICD10PCS' then 'ICD-10-PCS'
        when 'ICD9CM' then 'ICD-9-CM'
        when 'ICD9Proc' then 'ICD-9-PCS'
        when 'CPT4' then 'CPT'
        else {{ vocabulary_id }}
    end
{%- endmacro %}

{#- The own codes of all sites (orchestration/steps/warehouse/site_codes.py writes them); without rows where no file is given. -#}
{% macro site_codes() -%}
    {%- set columns = {
        'site': 'varchar', 'system': 'varchar', 'code': 'varchar', 'vocabulary_id': 'varchar', 'name': 'varchar',
        'since': 'date', 'label': 'varchar', 'concept_id': 'integer', 'to_system': 'varchar', 'to_code': 'varchar',
    } -%}
    select
        {%- for name, kind in columns.items() %}
            cast({{ "nullif(" ~ name ~ ", '')" if name not in ('site', 'system') else name }} as {{ kind }}) as {{ name }}
            {{- ',' if not loop.last }}
        {%- endfor %}
    {% if var('site_codes', '') -%}
        from read_csv('{{ var("site_codes") | replace("'", "''") }}', header = true, all_varchar = true, quote = '"',
            escape = '"', delim = ',', nullstr = '\N')
    {%- else -%}
        from (select {% for name in columns %}'' as {{ name }}{{ ', ' if not loop.last }}{% endfor %})
        where false
    {%- endif %}
{%- endmacro %}

{#-
    Every concept lookup is one of these two joins on int_code_concept. This one keeps the rows as they are: the first
    standard concept of a code; `system` may be a literal. With `site` (the column that names it) what the site says of
    its own codes goes before what everybody says of them.
-#}
{% macro join_concept(alias, system, code, site=none) -%}
    {{ join_own(alias, system, code, site) }}
    left join {{ ref('int_code_concept') }} as {{ alias }}
        on {{ alias }}.target = 1 and {{ of_code(alias, system, code, site) }}
{%- endmacro %}

{#- This one gives a row for every standard concept of a code: what the record of an event becomes in OMOP. -#}
{% macro join_targets(alias, system, code, site) -%}
    {{ join_own(alias, system, code, site) }}
    left join {{ ref('int_code_concept') }} as {{ alias }}
        on {{ of_code(alias, system, code, site) }}
{%- endmacro %}

{#- Whether the site has a say on a code; a code may come without a system. -#}
{% macro join_own(alias, system, code, site) -%}
    {%- if site -%}
    left join {{ ref('int_site_code') }} as {{ alias }}_own
        on
            {{ alias }}_own.target = 1 and {{ alias }}_own.concept_id != 0 and {{ alias }}_own.site = {{ site }}
            and {{ alias }}_own.system = coalesce({{ system }}, '') and {{ alias }}_own.code = {{ code }}
    {%- endif -%}
{%- endmacro %}

{% macro of_code(alias, system, code, site) -%}
    {%- if site -%}
        {{ alias }}.site = coalesce({{ alias }}_own.site, '') and {{ alias }}.system = coalesce({{ system }}, '')
        and {{ alias }}.code = {{ code }}
    {%- else -%}
        {{ alias }}.site = '' and {{ system }} = {{ alias }}.system and {{ code }} = {{ alias }}.code
    {%- endif -%}
{%- endmacro %}

{#- The concept of a lookup where it is of the domain that the column wants; null where there is none. -#}
{% macro concept_in(alias, domain) -%}
    case when {{ alias }}.domain_id = '{{ domain }}' then {{ alias }}.concept_id end
{%- endmacro %}

{#-
    Where a record of an event belongs by its standard concept's domain: what is not mapped stays in the table of its
    kind (`home`), and what has no table of its own is an observation, as OMOP has it.
-#}
{% macro omop_table_of(alias, home) -%}
    case
        when coalesce({{ alias }}.concept_id, 0) = 0 then '{{ home }}'
        when {{ alias }}.domain_id = 'Condition' then 'condition_occurrence'
        when {{ alias }}.domain_id = 'Procedure' then 'procedure_occurrence'
        when {{ alias }}.domain_id = 'Drug' then 'drug_exposure'
        when {{ alias }}.domain_id = 'Device' then 'device_exposure'
        when {{ alias }}.domain_id = 'Measurement' then 'measurement'
        else 'observation'
    end
{%- endmacro %}

{#-
    The columns that a join on targets gives to the record of an event: the row's id, its concepts and its table. A
    record's first row in the table of its kind has the record's own id; any other has the table and the concept in it.
-#}
{% macro target_columns(alias, record, key, home) -%}
    case
        when coalesce({{ alias }}.target, 1) = 1 and {{ omop_table_of(alias, home) }} = '{{ home }}'
            then {{ record_id(record ~ '.site', record ~ '.feed', record ~ '.' ~ key) }}
        else {{ hash63([record ~ '.site', record ~ '.feed', "'" ~ home ~ "'", record ~ '.' ~ key, alias ~ '.concept_id']) }}
    end as row_id,
    {{ omop_table_of(alias, home) }} as omop_table,
    coalesce({{ alias }}.target, 1) as target,
    coalesce({{ alias }}.concept_id, 0) as concept_id,
    coalesce({{ alias }}.source_concept_id, 0) as source_concept_id,
    {{ alias }}.value_concept_id as answer_concept_id
{%- endmacro %}
