{#-
    How models come to stand, in DuckDB's own terms: a table is replaced in one transaction, where dbt's way for all
    databases builds beside and renames (three more statements, and a context each, for a hundred models). What belongs
    here: replacing, and taking rows in. Which rows an incremental build takes is in touched.sql.
-#}

{% materialization table, adapter='duckdb' -%}
    {{ return({'relations': [replace_table()]}) }}
{%- endmaterialization %}

{#- Strategy `kept` is for a table of seeds and vocabularies alone: in an incremental build it is what it was. -#}
{% materialization incremental, adapter='duckdb' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or should_full_refresh() -%}
        {{ return({'relations': [replace_table()]}) }}
    {%- endif -%}
    {%- if config.get('incremental_strategy') == 'kept' -%}
        {%- call noop_statement('main', 'KEPT') -%} {{ sql }} {%- endcall -%}
        {{ return({'relations': [existing]}) }}
    {%- endif -%}
    {%- set computed = make_temp_relation(this).identifier -%}
    {%- set rows_due = {
        'touched_persons': touched_persons_due(), 'touched_records': touched_records_due(), 'keys': keys_due(computed),
    }[config.get('incremental_strategy')] -%}
    {% call statement('main') -%}
        create or replace temp table {{ computed }} as ({{ sql }});
        delete from {{ this }} where {{ rows_due }};
        insert into {{ this }} by name from {{ computed }} where {{ rows_due }};
        drop table {{ computed }}
    {%- endcall %}
    {%- do adapter.commit() -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization %}

{#- A view says the same in every build but a full one. -#}
{% materialization view, adapter='duckdb' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='view') -%}
    {%- if existing is not none and existing.is_view and not should_full_refresh() -%}
        {%- call noop_statement('main', 'KEPT') -%} {{ sql }} {%- endcall -%}
        {{ return({'relations': [target]}) }}
    {%- endif -%}
    {% call statement('main') -%}
        {% if config.get('contract').enforced %} {{ get_assert_columns_equivalent(sql) }} {% endif %}
        {% if existing is not none and not existing.is_view %} drop {{ existing.type }} {{ existing }}; {% endif %}
        create or replace view {{ target }} as ({{ sql }})
    {%- endcall %}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{#- So does a seed: it is part of what the fingerprint of a build covers. -#}
{% materialization seed, adapter='duckdb' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- if existing is not none and not should_full_refresh() -%}
        {%- call noop_statement('main', 'KEPT') -%} {%- endcall -%}
        {%- do store_result('agate_table', response='KEPT', agate_table=run_query('from ' ~ this ~ ' limit 0')) -%}
        {{ return({'relations': [target]}) }}
    {%- endif -%}
    {%- set rows = load_agate_table() -%}
    {%- do store_result('agate_table', response='OK', agate_table=rows) -%}
    {%- if existing is not none -%} {%- do adapter.drop_relation(existing) -%} {%- endif -%}
    {%- do create_csv_table(model, rows) -%}
    {%- set loaded = load_csv_rows(model, rows) -%}
    {%- call noop_statement('main', 'INSERT ' ~ rows.rows | length) -%} {{ loaded }} {%- endcall -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{#- The model as a new table, in the place of what stood there; who reads meanwhile reads the old one. -#}
{% macro replace_table() -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {% call statement('main') -%}
        {% if existing is not none %} drop {{ existing.type }} if exists {{ existing }}; {% endif %}
        {{ create_table_as(False, target, sql) }}
    {%- endcall %}
    {%- do adapter.commit() -%}
    {{ return(target) }}
{%- endmacro %}
