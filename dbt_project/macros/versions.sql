{#- The latest version of every key of a lake table, of what had arrived by `as_of`; deletions still included. -#}
{% macro latest_version(relation) -%}
    select *
    from {{ relation }}
    where _arrived_at <= cast('{{ var("as_of") }}' as timestamptz)
    qualify row_number() over (
        partition by site, _key
        order by _version_at desc nulls last, _arrived_at desc, _line desc, _file desc
    ) = 1
{%- endmacro %}
