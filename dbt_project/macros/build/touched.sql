{#-
    Which persons a load touched, and how a table takes their rows. Records hang together by the keys they share:
    `links` of their source name a person, a visit or another record; whatever hangs together with a changed record, as
    it was or as it is, is computed anew. `refers` name rows of a dimension: where one changes, so does who refers to it.
-#}

{#- Columns as one list of keys: `locations.location_key` is the field of each element of a list. -#}
{% macro key_list(columns) -%}
    {%- set lists = [] -%}
    {%- for column in columns -%}
        {%- set parts = column.split('.') -%}
        {%- do lists.append(
            '[' ~ column ~ ']' if parts | length == 1
            else 'coalesce(list_transform(' ~ parts[0] ~ ', lambda one: one.' ~ parts[1] ~ '), [])'
        ) -%}
    {%- endfor -%}
    {{ return('cast(flatten([' ~ lists | join(', ') ~ ']) as varchar[])') }}
{%- endmacro %}

{#- Remember by which keys the records of a relation hang together, and to which dimensions they refer. -#}
{% macro keep_links(table, relation) -%}
    {%- for kept, columns in [('link', table.links), ('reference', table.refers)] if columns %}
        insert into build.{{ kept }}
        select record, hash(site, key) as token
        from (select _record as record, site, unnest({{ key_list(columns) }}) as key from {{ relation }})
        where key is not null;
    {%- endfor -%}
{%- endmacro %}

{% macro forget_changes() -%}
    {%- do run_query('
        create or replace temp table changed_record (record ubigint);
        create or replace temp table open_token (token ubigint)
    ') -%}
{%- endmacro %}

{#-
    A table's changed records touch whatever they hung and hang together with. A dimension's row that says the same as
    before touches nobody: its time of arrival is in no person's row.
-#}
{% macro touch_changed(table) -%}
    {%- set says_the_same = '_record in (
        select incumbent._record from incumbent inner join changed using (_record)
        where incumbent._content = changed._content and incumbent._is_deleted = changed._is_deleted
    )' -%}
    {%- set condition = {'person': 'true', 'dimension': 'not ' ~ says_the_same}.get(table.scope, 'false') %}
    insert into changed_record select _record from changed where {{ condition }};
    {%- if table.every_version_tells %}
        insert into changed_record select _record from arrived;
    {%- endif %}
    insert into open_token
    select token from build.link where record in (select _record from changed where {{ condition }});
    delete from build.link where record in (select _record from changed);
    delete from build.reference where record in (select _record from changed);
    {%- if table.scope == 'person' %}
        insert into build.touched_person
        select {{ person_id('site', 'key') }}
        from (select site, unnest(keys) as key from incumbent where _record in (select _record from changed))
        where key is not null;
    {%- endif %}
    {{ keep_links(table, 'changed') }}
{%- endmacro %}

{#- From changed records, and those an earlier build owes, to everything that hangs together with them. -#}
{% macro touch_what_hangs_together() -%}
    {%- do run_query('
        create or replace temp table frontier as
        select record from changed_record union select record from build.touched_record;
        create or replace temp table closed_token (token ubigint);
        delete from build.touched_record;
        insert into build.touched_record from frontier
    ') -%}
    {%- do spread() -%}
    {%- do run_query('
        create or replace temp table frontier as
        select distinct record from build.reference
        where token in (select token from closed_token)
        and record not in (select record from build.touched_record);
        insert into build.touched_record from frontier
    ') -%}
    {%- do spread() -%}
{%- endmacro %}

{#- Until nothing is new: the keys of what is touched, and the records that share them. -#}
{% macro spread() -%}
    {%- for step in range(1000) -%}
        {%- do run_query('
            insert into open_token select token from build.link where record in (select record from frontier);
            create or replace temp table fresh_token as
            select distinct token from open_token where token not in (select token from closed_token);
            delete from open_token;
            insert into closed_token from fresh_token;
            create or replace temp table frontier as
            select distinct record from build.link
            where token in (select token from fresh_token)
            and record not in (select record from build.touched_record);
            insert into build.touched_record from frontier
        ') -%}
        {%- if run_query('select count(*) from frontier').rows[0][0] == 0 -%} {{ return(none) }} {%- endif -%}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error('Touched records did not come to an end in 1000 steps; build in full.') -%}
{%- endmacro %}

{#- The touched rows of every table of persons, and every person that their keys can name. -#}
{% macro set_touched_rows_apart() -%}
    drop schema if exists lake_touched cascade;
    create schema lake_touched;
    {%- for table in lake_tables() if table.scope == 'person' %}
        create table lake_touched.{{ table.name }} as
        select * from lake_newest.{{ table.name }}
        where _record in (select record from build.touched_record);
        insert into build.touched_person
        select {{ person_id('site', 'key') }}
        from (
            select distinct site, unnest({{ key_list(table.links) }}) as key
            from lake_touched.{{ table.name }}
        )
        where key is not null;
    {%- endfor %}
    create or replace table build.touched_person as select distinct person_id from build.touched_person
{%- endmacro %}

{#- The condition on a person's rows that a model builds on, or a test looks at: all of them in a full build. -#}
{% macro is_touched(column='person_id') -%}
    {%- if is_full_build() or model.resource_type == 'unit_test' -%}
        true
    {%- else -%}
        {{ column }} in (select touched.person_id from build.touched_person as touched)
    {%- endif -%}
{%- endmacro %}

{#- Rows that an incremental table loses and gets, of persons: all rows of touched persons. -#}
{% macro touched_persons_due() -%}
    person_id in (select touched.person_id from build.touched_person as touched)
{%- endmacro %}

{#- The same of what is kept by record (columns lake_table, site and _key). -#}
{% macro is_touched_record() -%}
    {{ 'true' if is_full_build() or model.resource_type == 'unit_test' else touched_records_due() }}
{%- endmacro %}

{#- Of records of the lake: those of touched records, and of tables that are read whole. -#}
{% macro touched_records_due() -%}
    {%- set whole = lake_tables() | rejectattr('scope', 'equalto', 'person') | map(attribute='name') | list -%}
    (
        lake_table in ('{{ whole | join("', '") }}')
        or hash(lake_table, site, _key) in (select touched.record from build.touched_record as touched)
    )
{%- endmacro %}

{#- By key: those that were computed. -#}
{% macro keys_due(computed) -%}
    {%- set keys = config.get('unique_key') or [] -%}
    ({{ keys | join(', ') }}) in (select ({{ keys | join(', ') }}) from {{ computed }})
{%- endmacro %}

{#-
    What a data test looks at. A test that judges row by row judges, in an incremental build, the rows that were built;
    the others (keys, references, shares) always judge the whole table.
-#}
{% macro get_where_subquery(relation) -%}
    {%- set by_row = ['holds', 'accepted_values', 'not_null', 'valid_concepts'] -%}
    {%- set name = model.test_metadata.name if model.test_metadata else none -%}
    {%- if execute and name in by_row and strategy_of(relation) == 'touched_persons' and not is_full_build() -%}
        {%- do return(
            '(select * from ' ~ relation ~ ' where ' ~ touched_persons_due() ~ ')'
        ) -%}
    {%- endif -%}
    {%- do return(default__get_where_subquery(relation)) -%}
{%- endmacro %}

{% macro strategy_of(relation) -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'model' and node.alias == relation.identifier and node.schema == relation.schema
        and node.config.materialized == 'incremental' -%}
        {{ return(node.config.incremental_strategy) }}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}
