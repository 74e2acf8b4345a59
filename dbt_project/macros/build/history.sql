{#-
    Every version of a lake table's records that had arrived by `as_of`, deletions too: for what only an older version
    tells. The newest alone is what staging reads (lake.sql). Its files are those of this build's ledger; outside of a
    build there are none, and the anchor gives the columns.
-#}
{% macro lake_history(table) -%}
    {%- set lake = var('lake') -%}
    {%- set files = ["'" ~ lake ~ '/' ~ table ~ "/site=_anchor/day=0001-01-01/anchor.parquet'"] -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set listed = "select file from build.lake_file where lake_table = '" ~ table ~ "'" -%}
        {%- for row in run_query(listed ~ ' order by file').rows -%}
            {%- do files.append("'" ~ lake ~ '/' ~ row[0] ~ "'") -%}
        {%- endfor -%}
    {%- endif -%}
    select *
    from read_parquet(
        [{{ files | join(', ') }}],
        union_by_name = true, hive_partitioning = true, hive_types = {'site': varchar, 'day': date}
    )
    where _arrived_at <= cast('{{ var("as_of") }}' as timestamptz)
{%- endmacro %}
