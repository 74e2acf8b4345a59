{#-
    Kinds of identifier (HL7 table 0203) of which a person has one of their own: two records that share one are of one
    person. A policy's, an account's or a driving licence's number may be a family's, or be typed in for want of another.
-#}
{% macro is_own_number(type_code) -%}
    coalesce(
        upper({{ type_code }}) in ('MR', 'MRN', 'MRT', 'PI', 'PT', 'NI', 'NH', 'NHS', 'CHI', 'EPI')
        or regexp_full_match(upper({{ type_code }}), 'NN[A-Z]{3}'),
        false
    )
{%- endmacro %}

{#- Events that say that two records are of one person: merges, links (A24), changed numbers; A37 takes a link back. -#}
{% macro person_merge_events() -%}
    ('A18', 'A24', 'A30', 'A34', 'A36', 'A37', 'A39', 'A40', 'A43', 'A46', 'A47', 'A48')
{%- endmacro %}

{#- Events that say that two visits, or the accounts that they are billed to, are one. -#}
{% macro visit_merge_events() -%}
    ('A35', 'A36', 'A41', 'A42', 'A45', 'A49', 'A50', 'A51')
{%- endmacro %}

{#- A stay that no number tells: the patient and when the first event of it happened. -#}
{% macro unnumbered_stay(site, person_key, began_at) -%}
    concat_ws('|', {{ person_key }}, 'stay', {{ time_in_key(site, 'epoch_ms(' ~ began_at ~ ')') }})
{%- endmacro %}

{#-
    The visit that a record names, where it is of the record's own person; another's visit is none of the record's. Both
    persons are those that last after merges and links. `visits` are rows of int_visit.
-#}
{% macro join_own_visit(records) -%}
    left join visits
        on
            {{ records }}.site = visits.site and {{ records }}.visit_key = visits.visit_key
            and {{ records }}.person_key = visits.person_key
{%- endmacro %}
