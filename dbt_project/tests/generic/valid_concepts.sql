{#-
    OHDSI isForeignKey, isStandardValidConcept and fkDomain: every concept of `columns` (column: domain) is 0 or a
    standard concept of that domain (or of `any`) that was not withdrawn.
-#}
{% test valid_concepts(model, columns) %}
    {%- for column, domain in columns.items() %}
        select
            '{{ column }}' as concept,
            count(*) as not_valid
        from {{ model }} as referring
        where
            referring.{{ column }} is not null
            and referring.{{ column }} not in (
                select valid.concept_id
                from {{ ref('concept') }} as valid
                where
                    valid.concept_id = 0
                    or (
                        valid.standard_concept = 'S' and valid.invalid_reason is null
                        {{ "and valid.domain_id = '" ~ domain ~ "'" if domain != 'any' }}
                    )
            )
        having count(*) > 0
        {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endtest %}
