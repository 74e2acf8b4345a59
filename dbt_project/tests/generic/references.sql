{#- OHDSI isForeignKey: whatever `columns` (column: table) name is there, in the table's key `<table>_id`. -#}
{% test references(model, columns) %}
    {%- for column, table in columns.items() %}
        select
            '{{ column }}' as reference,
            count(*) as without_target
        from {{ model }} as referring
        where
            referring.{{ column }} is not null
            and referring.{{ column }} not in (select target.{{ table }}_id from {{ ref(table) }} as target)
        having count(*) > 0
        {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endtest %}
