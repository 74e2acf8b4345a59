{#-
    Which feed is believed first where several tell the same: the record system (and the survey, which stands alone), then
    messages, then images, then bills.
-#}
{% macro feed_rank(feed) -%}
    case {{ feed }} when 'hl7v2' then 2 when 'dicom' then 3 when 'x12_837' then 4 else 1 end
{%- endmacro %}

{#- What a record is about for telling it from others: its concept where it has one, else its code as sent. -#}
{% macro meaning(concept_id, system, code) -%}
    case when {{ concept_id }} > 0 then cast({{ concept_id }} as varchar) else {{ natural_key([system, code]) }} end
{%- endmacro %}

{#- Rows that no feed which is believed before theirs tells too. Rows of one feed never hide each other. -#}
{% macro told_once(relation, same) -%}
    select * from (
        select
            *,
            min({{ feed_rank('feed') }}) over (partition by site, {{ same | join(', ') }}) as first_rank
        from {{ relation }}
    )
    where {{ feed_rank('feed') }} = first_rank
{%- endmacro %}
