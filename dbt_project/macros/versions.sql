{#-
    The latest version of every key of a lake table, of what had arrived by `as_of`; deletions still included. The lake
    as staging sees it holds nothing else (macros/build/lake.sql), and in an incremental build only touched persons.
-#}
{% macro latest_version(relation) -%}
    select * from {{ relation }}
{%- endmacro %}
