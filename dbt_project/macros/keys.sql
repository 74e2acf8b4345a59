{#- The natural key of a row: its parts joined by '|', an absent part as the empty string. -#}
{% macro natural_key(parts) -%}
    concat_ws('|', {% for part in parts %}coalesce(cast({{ part }} as varchar), ''){{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#- A positive 63-bit integer from the md5 of a natural key: stable across rebuilds, and a collision fails `unique`. -#}
{% macro hash63(parts) -%}
    cast(cast('0x' || md5({{ natural_key(parts) }})[1:16] as ubigint) & 9223372036854775807::ubigint as bigint)
{%- endmacro %}

{% macro person_id(site, person_key) -%}
    {{ hash63(["'person'", site, person_key]) }}
{%- endmacro %}

{% macro visit_id(site, visit_key) -%}
    {{ hash63(["'visit'", site, visit_key]) }}
{%- endmacro %}

{% macro care_site_id(site, care_site_key) -%}
    {{ hash63(["'care site'", site, care_site_key]) }}
{%- endmacro %}

{#- The location of a site itself, or of a state its patients live in. -#}
{% macro location_id(site, state="''") -%}
    {{ hash63(["'location'", site, state]) }}
{%- endmacro %}

{#- Where a person lives: the site where no state is known, else the state, else its part with the same ZIP digits. -#}
{% macro person_location_id(site, state, zip3) -%}
    case
        when {{ state }} is null then {{ location_id(site) }}
        when {{ zip3 }} is null then {{ location_id(site, state) }}
        else {{ hash63(["'location'", site, state, zip3]) }}
    end
{%- endmacro %}

{#- The clinician of a record, null where it names none that is known. -#}
{% macro provider_id(site, provider_key) -%}
    case when {{ provider_key }} is not null then {{ hash63(["'provider'", site, provider_key]) }} end
{%- endmacro %}

{#- The row that a feed's record of an event or period becomes. -#}
{% macro record_id(site, feed, record_key) -%}
    {{ hash63([site, feed, record_key]) }}
{%- endmacro %}
