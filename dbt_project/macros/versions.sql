{#-
    The latest version of every key of a lake table, of what had arrived by `as_of`; deletions still included. A record
    that does not say its version (a deletion seldom does) is as new as its arrival.
-#}
{% macro latest_version(relation) -%}
    select *
    from {{ relation }}
    where _arrived_at <= cast('{{ var("as_of") }}' as timestamptz)
    qualify row_number() over (
        partition by site, _key
        order by coalesce(_version_at, _arrived_at) desc, _arrived_at desc, _line desc, _file desc
    ) = 1
{%- endmacro %}
