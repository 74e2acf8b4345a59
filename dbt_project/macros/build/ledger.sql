{#-
    The ledger of builds, in the warehouse: which files were read, how this build works, which persons it still owes.
    It is written in one transaction before the first model (`begin_build`), and settled after the last test
    (`end_build`). A build that fails or is killed settles nothing: what it owed, the next build owes too.
-#}

{#- on-run-start: read what arrived, and decide between a full and an incremental build. -#}
{% macro begin_build() -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do require_date_keys() -%}
        {%- do run_query('begin transaction') -%}
        {%- do create_ledger() -%}
        {%- do list_committed() -%}
        {%- set columns = lake_columns() -%}
        {%- set fingerprint = build_fingerprint() -%}
        {%- set reason = full_build_reason(fingerprint) -%}
        {%- if reason -%}
            {%- do begin_full_build(columns) -%}
        {%- else -%}
            {%- do begin_touched_build(columns) -%}
        {%- endif -%}
        {%- set said = build_in_words(reason) -%}
        {%- do run_query(
            "create or replace table build.run as select '" ~ fingerprint ~ "' as fingerprint, "
            ~ ('true' if reason else 'false') ~ " as is_full, '" ~ (reason or '') ~ "' as reason, '" ~ said
            ~ "' as said, false as is_done"
        ) -%}
        {%- do run_query('update build.lake_file set is_read = true where not is_read') -%}
        {%- do run_query(show_lake(reason is not none) ~ show_arrivals(columns)) -%}
        {%- do run_query('commit') -%}
        {%- do remember_kind(reason is not none) -%}
        {%- do log(said, info=true) -%}
    {%- endif -%}
{%- endmacro %}

{#- on-run-end: only a build of everything, in which every model and every test passed, settles the ledger. -#}
{% macro end_build(results) -%}
    {%- if execute and flags.WHICH == 'build' and is_complete(results) -%}
        {%- do run_query('begin transaction') -%}
        {%- do run_query(show_lake(true) ~ "
            update build.run set is_done = true;
            update build.lake_file set is_settled = true where not is_settled;
            delete from build.touched_record;
            delete from build.touched_person;
            drop schema if exists lake_touched cascade;
            drop schema if exists lake_arrived cascade
        ") -%}
        {%- do run_query('commit') -%}
    {%- endif -%}
{%- endmacro %}

{% macro is_complete(results) -%}
    {%- set good = [] -%}
    {%- for result in results if result.status in ('success', 'pass', 'warn') -%}
        {%- do good.append(result.node.unique_id) -%}
    {%- endfor -%}
    {%- set wanted = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type in ('model', 'seed', 'test') and node.config.materialized != 'ephemeral' -%}
        {%- do wanted.append(node.unique_id) -%}
    {%- endfor -%}
    {{ return((wanted | reject('in', good) | list | length) == 0) }}
{%- endmacro %}

{#-
    Whether a build has anything to do: with nothing touched, models that are asked for alone stand on what the others were
    made from last time, and what holds between models of one build is not judged by them.
-#}
{% macro has_work() -%}
    {%- if not execute or is_full_build() -%} {{ return('true') }} {%- endif -%}
    {%- set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') -%}
    {%- set left_out = models | map(attribute='unique_id') | reject('in', selected_resources) | list -%}
    {{ return('exists (select 1 from build.touched_person)' if left_out else 'true') }}
{%- endmacro %}

{% macro create_ledger() -%}
    {%- do run_query('
        create schema if not exists build;
        create schema if not exists lake_newest;
        create table if not exists build.lake_file (
            lake_table varchar, file varchar, is_read boolean, is_settled boolean
        );
        create table if not exists build.link (record ubigint, token ubigint);
        create table if not exists build.reference (record ubigint, token ubigint);
        create table if not exists build.touched_record (record ubigint);
        create table if not exists build.touched_person (person_id bigint)
    ') -%}
{%- endmacro %}

{#-
    What a row may depend on besides the lake's records: models and seeds, what whoever calls dbt says of macros and
    contracts (`inputs`), the contracts that the anchors carry, sites' time zones, units and shifts, `as_of`, and DuckDB, whose hash() is kept.
-#}
{% macro build_fingerprint() -%}
    {%- set parts = [var('as_of'), var('timezones'), var('units'), var('shifts'), var('inputs')] -%}
    {%- do parts.append(var('sites_that_take_test_records')) -%}
    {%- for node in graph.nodes.values() | sort(attribute='unique_id') if node.resource_type in ('model', 'seed') -%}
        {%- do parts.append([node.unique_id, node.checksum.checksum, node.config.materialized]) -%}
    {%- endfor -%}
    {%- for source in lake_tables() -%}
        {%- do parts.append(source) -%}
    {%- endfor -%}
    {%- do parts.append(run_query("
        select version() || string_agg(file_name || value::varchar, ';' order by file_name)
        from (
            select regexp_extract(file_name, '[^/]+/[^/]+/[^/]+/[^/]+$') as file_name, value
            from parquet_kv_metadata('" ~ var('lake') ~ "/*/site=_anchor/*/*.parquet')
            where key = 'pilothouse.contract'
        )
    ").rows[0][0]) -%}
    {{ return(local_md5(tojson(parts))) }}
{%- endmacro %}

{#- Why everything is computed anew, or none: then only what touched persons need is. -#}
{% macro full_build_reason(fingerprint) -%}
    {%- if flags.FULL_REFRESH -%} {{ return('asked for') }} {%- endif -%}
    {%- set has_run = run_query("
        select count(*) from duckdb_tables() where schema_name = 'build' and table_name = 'run'
    ").rows[0][0] -%}
    {%- if not has_run -%} {{ return('the first of this warehouse') }} {%- endif -%}
    {%- set last = run_query('select fingerprint, is_full and not is_done from build.run').rows[0] -%}
    {%- if last[0] != fingerprint -%}
        {{ return('models, seeds, contracts, time zones or as_of changed') }}
    {%- endif -%}
    {%- if last[1] -%} {{ return('the last full build did not finish') }} {%- endif -%}
    {%- set gone = run_query('
        select count(*) from build.lake_file where file not in (select file from committed)
    ').rows[0][0] -%}
    {%- if gone -%} {{ return('files that were read are gone from the lake') }} {%- endif -%}
    {%- set missing = missing_tables() -%}
    {%- if missing -%} {{ return('missing: ' ~ missing | join(', ')) }} {%- endif -%}
    {%- set unscoped = unscoped_arrivals() -%}
    {%- if unscoped -%} {{ return('no scope is declared for ' ~ unscoped | join(', ')) }} {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro missing_tables() -%}
    {%- set there = run_query("
        select schema_name || '.' || table_name from duckdb_tables()
    ").columns[0].values() | list -%}
    {%- set missing = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'model' and node.config.materialized == 'incremental'
        and node.schema ~ '.' ~ node.alias not in there -%}
        {%- do missing.append(node.name) -%}
    {%- endfor -%}
    {{ return(missing) }}
{%- endmacro %}

{% macro unscoped_arrivals() -%}
    {%- set fresh = run_query('
        select distinct lake_table from committed where file not in (select file from build.lake_file)
    ').columns[0].values() | list -%}
    {%- set unscoped = [] -%}
    {%- for table in lake_tables() if table.scope not in ('person', 'dimension', 'whole') and table.name in fresh -%}
        {%- do unscoped.append(table.name) -%}
    {%- endfor -%}
    {{ return(unscoped) }}
{%- endmacro %}

{% macro begin_full_build(columns) -%}
    {%- do run_query("
        delete from build.lake_file;
        insert into build.lake_file select lake_table, file, false, false from committed;
        create or replace table build.link (record ubigint, token ubigint);
        create or replace table build.reference (record ubigint, token ubigint);
        delete from build.touched_record;
        delete from build.touched_person;
        drop schema if exists lake_touched cascade
    ") -%}
    {%- set readings = [] -%}
    {%- for table in lake_tables() -%} {%- do readings.append(read_anew(table, columns)) -%} {%- endfor -%}
    {%- do run_query(readings | join) -%}
{%- endmacro %}

{% macro begin_touched_build(columns) -%}
    {%- do run_query('
        insert into build.lake_file
        select lake_table, file, false, false from committed
        where file not in (select file from build.lake_file)
    ') -%}
    {%- set fresh = run_query(
        'select distinct lake_table from build.lake_file where not is_read'
    ).columns[0].values() | list -%}
    {%- do forget_changes() -%}
    {%- for table in lake_tables() if table.name in fresh -%} {%- do run_query(read_arrivals(table, columns)) -%} {%- endfor -%}
    {%- do touch_what_hangs_together() -%}
    {%- do run_query(set_touched_rows_apart()) -%}
{%- endmacro %}

{% macro build_in_words(reason) -%}
    {%- if reason -%} {{ return('Full build: ' ~ reason) }} {%- endif -%}
    {%- set owed = run_query('
        select
            (select count(*) from build.lake_file where not is_settled),
            (select count(*) from build.touched_record)
    ').rows[0] -%}
    {{ return('Incremental build: ' ~ owed[0] ~ ' new files touch ' ~ owed[1] ~ ' records') }}
{%- endmacro %}

{#- Whether models compute everything. After a build is done nothing is owed, and every row is looked at again. -#}
{% macro is_full_build() -%}
    {%- if not execute -%} {{ return(true) }} {%- endif -%}
    {%- if 'is_full_build' in graph -%} {{ return(graph['is_full_build']) }} {%- endif -%}
    {%- set has_run = run_query("
        select count(*) from duckdb_tables() where schema_name = 'build' and table_name = 'run'
    ").rows[0][0] -%}
    {%- if not has_run -%} {{ return(true) }} {%- endif -%}
    {{ return(run_query('select is_full or is_done from build.run').rows[0][0]) }}
{%- endmacro %}

{#-
    What `begin_build` decided, for the models and tests of the same invocation: in the one thing that all their
    contexts share. A command that begins no build (`dbt test`, `dbt compile`) asks the ledger.
-#}
{% macro remember_kind(is_full) -%}
    {%- do graph.update({'is_full_build': is_full}) -%}
{%- endmacro %}

{#- dbt's own switch: the ledger decides for every model alike. -#}
{% macro should_full_refresh() -%}
    {{ return(flags.FULL_REFRESH or is_full_build()) }}
{%- endmacro %}
