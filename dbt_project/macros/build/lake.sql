{#-
    The lake as the tables of a build see it. Here belongs what lies there and what was read of it; which persons that
    touches is in touched.sql, and when a build is a full one in ledger.sql.

    lake_newest.<table>    every key's newest version, deletions too: kept from build to build
    lake_touched.<table>   of these, the rows of touched persons: this build's work, where it is incremental
    lake_arrived.<table>   views of the files that no finished build has read yet
    lake.<table>           views that staging reads: lake_newest, or lake_touched while an incremental build runs
-#}

{#-
    Every source of the lake: its name, scope (person, dimension, whole or none), links and refers; and whether its
    older versions tell something too, so that a late one touches its record though it changes no state.
-#}
{% macro lake_tables() -%}
    {%- set found = [] -%}
    {%- for source in graph.sources.values() | sort(attribute='name') if source.schema == 'lake' -%}
        {%- set meta = source.meta or source.config.meta or {} -%}
        {%- do found.append({
            'name': source.name, 'scope': meta.get('scope'),
            'links': meta.get('links', []), 'refers': meta.get('refers', []),
            'every_version_tells': meta.get('every_version_tells', false),
        }) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#- Newest first, as everywhere: a record that does not say its version is as new as its arrival. -#}
{% macro newest_first() -%}
    coalesce(_version_at, _arrived_at) desc, _arrived_at desc, _line desc, _file desc
{%- endmacro %}

{#- The committed files: those with a receipt. A crash leaves files without one, and the next landing removes them. -#}
{% macro list_committed() -%}
    {%- do run_query("
        create or replace temp table committed as
        with lying as (
            select regexp_extract(
                file, '([^/]+)/site=([^/]+)/day=[^/]+/([^/]+)\.parquet$', ['lake_table', 'site', 'stem']
            ) as name, regexp_extract(file, '[^/]+/[^/]+/[^/]+/[^/]+$') as file
            from glob('" ~ var('lake') ~ "/*/*/*/*.parquet')
        ),
        receipts as (
            select regexp_extract(
                file, '([^/]+)/[^/]+/([0-9a-f]{16})[0-9a-f]*(\.[0-9]+)?\.json$', ['site', 'digest', 'attempt']
            ) as name
            from glob('" ~ var('lake') ~ "/../receipts/*/*/*.json')
        )
        select name.lake_table, file from lying
        where (name.site, name.stem) in (select (name.site, name.digest || name.attempt) from receipts)
    ") -%}
{%- endmacro %}

{#-
    The columns of every lake table as its contract has them, each cast to its type; and the partition's two. In one
    query: a build asks for some sixty tables, and each query through dbt costs more than its work.
-#}
{% macro lake_columns() -%}
    {%- set described = [] -%}
    {%- for table in lake_tables() -%}
        {%- do described.append(
            "select '" ~ table.name ~ "' as lake_table, row_number() over () as place, column_name, column_type from ("
            ~ "describe from read_parquet('" ~ var('lake') ~ '/' ~ table.name
            ~ "/site=_anchor/*/*.parquet', hive_partitioning = false))"
        ) -%}
    {%- endfor -%}
    {%- set columns = {} -%}
    {%- for row in run_query("
        select
            lake_table,
            string_agg('cast(\"' || column_name || '\" as ' || column_type || ') as \"' || column_name || '\"', ', ' order by place)
        from (" ~ described | join(' union all ') ~ ") group by lake_table
    ").rows -%}
        {%- do columns.update({row[0]: row[1] ~ ', site, day'}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#- What lies in the files of a list (an SQL expression) that had arrived by `as_of`, and the anchor's types. -#}
{% macro lake_rows(table, columns, files) -%}
    select {{ columns[table] }}
    from read_parquet(
        list_concat(['{{ var("lake") }}/{{ table }}/site=_anchor/day=0001-01-01/anchor.parquet'], {{ files }}),
        union_by_name = true, hive_partitioning = true, hive_types = {'site': varchar, 'day': date}
    )
    where _arrived_at <= cast('{{ var("as_of") }}' as timestamptz)
{%- endmacro %}

{#- Bind the files of a table that are still to be read to the variable `files`, for `lake_rows`. -#}
{% macro bind_files(table) -%}
    set variable files = coalesce((
        select list('{{ var("lake") }}/' || file order by file) from build.lake_file
        where lake_table = '{{ table }}' and not is_read
    ), []);
{%- endmacro %}

{#- Read a table anew: every version, and then only the newest of each key stays. -#}
{% macro read_anew(table, columns) -%}
    {%- set newest = 'lake_newest.' ~ table.name -%}
    {{ bind_files(table.name) }}
    create or replace table {{ newest }} as
    select *, hash('{{ table.name }}', site, _key) as _record
    from ({{ lake_rows(table.name, columns, "getvariable('files')") }});
    delete from {{ newest }} where rowid in (
        select rowid from {{ newest }}
        where _record in (select _record from {{ newest }} group by _record having count(*) > 1)
        qualify row_number() over (partition by site, _key order by {{ newest_first() }}) > 1
    );
    {{ keep_links(table, newest) }}
{%- endmacro %}

{#- Take in the files that are new; what they change goes to the tables of touched.sql. -#}
{% macro read_arrivals(table, columns) -%}
    {%- set newest = 'lake_newest.' ~ table.name -%}
    {{ bind_files(table.name) }}
    create or replace temp table arrived as
    select *, hash('{{ table.name }}', site, _key) as _record
    from ({{ lake_rows(table.name, columns, "getvariable('files')") }})
    qualify row_number() over (partition by site, _key order by {{ newest_first() }}) = 1;
    create or replace temp table incumbent as
    select
        rowid as place, _record, site, _version_at, _arrived_at, _line, _file, _content, _is_deleted,
        {{ key_list(table.links) }} as keys
    from {{ newest }}
    where _record in (select _record from arrived);
    create or replace temp table changed as
    select arrived.* from arrived
    where arrived._record in (
        select _record from (
            select _record, _version_at, _arrived_at, _line, _file, true as is_new from arrived
            union all
            select _record, _version_at, _arrived_at, _line, _file, false as is_new from incumbent
        )
        qualify is_new and row_number() over (partition by _record order by {{ newest_first() }}) = 1
    );
    delete from {{ newest }} where rowid in (
        select place from incumbent where _record in (select _record from changed)
    );
    insert into {{ newest }} by name from changed;
    {{ touch_changed(table) }}
{%- endmacro %}

{#- Point the views that staging reads at the whole lake, or at the rows of touched persons. -#}
{% macro show_lake(is_full) -%}
    create schema if not exists lake;
    {%- for table in lake_tables() -%}
        {%- set rows = 'lake_newest' if is_full or table.scope != 'person' else 'lake_touched' %}
        create or replace view lake.{{ table.name }} as select * exclude (_record) from {{ rows }}.{{ table.name }};
    {%- endfor -%}
{%- endmacro %}

{#- One view per table of what no finished build has read: the accounting reads it apart from staging. -#}
{% macro show_arrivals(columns) -%}
    {%- set unfinished = {} -%}
    {%- for row in run_query("
        select lake_table, string_agg('''" ~ var('lake') ~ "/' || file || '''', ', ')
        from build.lake_file where not is_settled group by lake_table
    ").rows -%}
        {%- do unfinished.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    drop schema if exists lake_arrived cascade;
    create schema lake_arrived;
    {%- for table in lake_tables() -%}
        {%- set files = '[' ~ unfinished.get(table.name, '') ~ ']::varchar[]' %}
        create view lake_arrived.{{ table.name }} as {{ lake_rows(table.name, columns, files) }};
    {%- endfor -%}
{%- endmacro %}
