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

{#-
    Rows that no feed which is believed before theirs tells too. Rows of one feed never hide each other. Looked for are
    only rows that another could hide, so that a site of one feed pays for none.
-#}
{% macro told_once(relation, same) -%}
    select told.* exclude (told_rank, {% for _ in same %}same_{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %})
    from (
        select
            *,
            {{ feed_rank('feed') }} as told_rank,
            {%- for one in same %}
            {{ one }} as same_{{ loop.index }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }}
    ) as told
    anti join (
        select
            site,
            {{ feed_rank('feed') }} as first_rank,
            {%- for one in same %}
            {{ one }} as same_{{ loop.index }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }}
        where {{ feed_rank('feed') }} < (select max({{ feed_rank('feed') }}) from {{ relation }})
    ) as believed
        on
            told.site = believed.site
            {%- for _ in same %}
            and told.same_{{ loop.index }} is not distinct from believed.same_{{ loop.index }}
            {%- endfor %}
            and told.told_rank > believed.first_rank
{%- endmacro %}
