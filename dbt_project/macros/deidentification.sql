{#-
    How dates, ages and numbers of people at `safe_harbor` sites are published (decision record 0018):
    `deidentified` is {site: {key: file of the site's key of dates, ages_as_of: day}}. The OMOP tables and the marts
    ask here; nothing before them is changed, since who somebody is, is known only after linking. Where no site asks for it, nothing of
    this is in any SQL. What does not belong here: names, numbers and addresses, which never reach the lake.
-#}

{#- Shifts go back by 1 to this many whole weeks: a weekday stays one, and no date comes to lie ahead. -#}
{% macro most_weeks_shifted() -%} 52 {%- endmacro %}

{#- Safe Harbor tells no age over 89: whoever is older is of this age. -#}
{% macro aggregated_age() -%} 90 {%- endmacro %}

{#- Whether a row is of such a site. -#}
{% macro is_deidentified(site) -%}
    {%- set told = var('deidentified') -%}
    {%- set sites = told if told is mapping else {} -%}
    {{ site ~ " in ('" ~ sites.keys() | join("', '") ~ "')" if sites else 'false' }}
{%- endmacro %}

{#-
    HMAC-SHA256 (RFC 2104) of a text under the site's key of dates, as hex; null at every other site. The key is read
    from its file where it is used: it stands in no statement, no log and no table.
-#}
{% macro keyed_digest(site, message) -%}
    {%- set told = var('deidentified') -%}
    {%- set sites = told if told is mapping else {} -%}
    {%- if not sites -%}
        cast(null as varchar)
    {%- else -%}
        case {{ site }}
        {%- for name, terms in sites.items() %}
        when '{{ name }}' then sha256(
            {{ padded_key(terms['key'], '5C') }} || unhex(sha256(
                {{ padded_key(terms['key'], '36') }} || encode({{ message }})
            ))
        )
        {%- endfor %}
    end
    {%- endif -%}
{%- endmacro %}

{% macro padded_key(file, pad) -%}
    (
        select cast(xor(
            cast(content || unhex(repeat('00', 64 - octet_length(content))) as bit),
            cast(unhex(repeat('{{ pad }}', 64)) as bit)
        ) as blob)
        from read_blob('{{ file }}')
    )
{%- endmacro %}

{#- Before anything is built: without its key a site's rows would have no dates, with a cut one others. -#}
{% macro require_date_keys() -%}
    {%- set told = var('deidentified') -%}
    {%- set sites = told if told is mapping else {} -%}
    {%- for site, terms in sites.items() -%}
        {%- set size = "select max(octet_length(content)) from read_blob('" ~ terms['key'] ~ "')" -%}
        {%- set found = run_query(size).rows[0][0] -%}
        {%- if found != 32 -%}
            {%- do exceptions.raise_compiler_error(
                'The key of dates of ' ~ site ~ ' holds ' ~ (found or 'no') ~ ' bytes, expected 32; restore '
                ~ terms['key'] ~ ' from the backup.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{#- How many days before they were the dates of a person are published: 7 to 364. -#}
{% macro shift_days(site, person) -%}
    7 * (1 + cast(
        cast('0x' || {{ keyed_digest(site, "'date shift|' || " ~ person) }}[1:15] as ubigint)
        % {{ most_weeks_shifted() }} as integer
    ))
{%- endmacro %}

{#- The day as of which a site's ages are told. -#}
{% macro ages_as_of(site) -%}
    {%- set told = var('deidentified') -%}
    {%- set sites = told if told is mapping else {} -%}
    {%- if not sites -%}
        cast(null as date)
    {%- else -%}
        case {{ site }}
        {%- for name, terms in sites.items() %}
        when '{{ name }}' then date '{{ terms['ages_as_of'] }}'
        {%- endfor %}
    end
    {%- endif -%}
{%- endmacro %}

{#-
    A relation as it is published: `times` shifted with their person, but never before the year in which somebody was
    born who is 90 at the end. `more` are further columns, in terms of the relation and of `persons` (int_person_dates).
    A row whose person is not known gets no time at all, which fails the table's contract.
-#}
{% macro published(relation, times, person=none, more={}) -%}
    {%- set told = var('deidentified') -%}
    {%- set sites = told if told is mapping else {} -%}
    {%- if not sites -%}
        select * from {{ relation }}
    {%- else -%}
        select {{ relation }}.* replace (
        {%- for time in times %}
        case when {{ is_deidentified(relation ~ '.site') }}
            then {{ published_time(relation, time) }}
            else {{ relation }}.{{ time }}
        end as {{ time }}{{ ',' if not loop.last or more }}
        {%- endfor %}
        {%- for column, expression in more.items() %}
        case when {{ is_deidentified(relation ~ '.site') }}
            then {{ expression }}
            else {{ relation }}.{{ column }}
        end as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
        )
        from {{ relation }}
        left join {{ ref('int_person_dates') }} as persons
            on {{ person or relation ~ '.person_id' }} = persons.person_id
    {%- endif -%}
{%- endmacro %}

{#-
    A time of a person that `persons` names, shifted; null stays null. The wall clock at the site goes back by days, not the
    instant by hours: a midnight stays one, and no hour tells whether the true day had summer time (decision record 0061).
-#}
{% macro published_time(rows, time) -%}
    {{ in_zone(rows ~ '.site', 'timezone({zone}, ' ~ published_clock(rows ~ '.' ~ time) ~ ')') }}
{%- endmacro %}

{% macro published_clock(time) -%}
    case when {{ time }} is not null and persons.shift_days is not null then greatest(
        timezone({zone}, {{ time }}) - to_days(persons.shift_days), cast(persons.earliest_date as timestamp)
    ) end
{%- endmacro %}

{#-
    A time as a part of a key from which a published number is hashed: whoever knows the other parts could try every
    time there is, so that at such a site it is a keyed digest of the time.
-#}
{% macro time_in_key(site, time) -%}
    {%- set told = var('deidentified') -%}
    {%- set sites = told if told is mapping else {} -%}
    {%- if not sites -%}
        {{ time }}
    {%- else -%}
        case when {{ is_deidentified(site) }} then {{ keyed_digest(site, 'cast(' ~ time ~ ' as varchar)') }}
            else cast({{ time }} as varchar) end
    {%- endif -%}
{%- endmacro %}

{#-
    Wall clock and age of a published visit, from the dates that are published with it: the true ones beside them would
    tell whether the true day had summer time, and how old somebody over 89 is.
-#}
{% macro published_local_time(visits, time) -%}
    {%- set clock = published_clock(visits ~ '.' ~ time) -%}
    {{ in_zone(visits ~ '.site', 'timezone({zone}, timezone({zone}, ' ~ clock ~ '))') }}
{%- endmacro %}

{% macro published_age(born, at) -%}
    case when {{ possible_age(born, at) }} is not null
        then least({{ possible_age(born, at) }}, {{ aggregated_age() }}) end
{%- endmacro %}

{#- Of where somebody lives, such a site tells the state, if it is one: a sender may put a town there. -#}
{% macro published_state(people, states) -%}
    case when {{ is_deidentified(people ~ '.site') }} then {{ states }}.code else {{ people }}.state end
{%- endmacro %}

{#- Units of age (UCUM, and how people write years), and how many of each are 90 years; none means years. -#}
{% macro aggregated_age_in(unit) -%}
    {{ aggregated_age() }} * case coalesce({{ unit }}, 'a')
        when 'mo' then 12 when 'wk' then 52.1775 when 'd' then 365.2425 when 'h' then 8765.82 else 1
    end
{%- endmacro %}

{#- Whether a row's code is that of an age. -#}
{% macro is_age(rows) -%}
    {{ rows }}.code in (select ages.code from {{ ref('age_codes') }} as ages)
{%- endmacro %}

{#- Whether a reading or finding says that somebody is over 89. -#}
{% macro tells_high_age(rows) -%}
    coalesce({{ is_age(rows) }} and {{ rows }}.value_number > {{ aggregated_age_in(rows ~ '.unit_code') }}, false)
{%- endmacro %}

{#- What a row says in words. An age of nothing but words, or over 89, is not told: no text becomes 90. -#}
{% macro published_text(rows, column) -%}
    case
        when not coalesce(
            {{ is_age(rows) }}
            and ({{ rows }}.value_number is null or {{ tells_high_age(rows) }}),
            false
        ) then {{ rows }}.{{ column }}
    end
{%- endmacro %}

{% macro published_number(rows) -%}
    case
        when {{ tells_high_age(rows) }} then {{ aggregated_age_in(rows ~ '.unit_code') }}
        else {{ rows }}.value_number
    end
{%- endmacro %}

{#- What the tables say of themselves, after a text: at which sites dates and ages are not the true ones. -#}
{% macro published_sites() -%}
    {%- set told = var('deidentified') -%}
    {%- for site, terms in (told if told is mapping else {}).items() %}
        || '; {{ site }}: dates shifted by person, ages over 89 as 90 as of {{ terms['ages_as_of'] }}'
    {%- endfor -%}
{%- endmacro %}

{#-
    A date or time that is a finding's value, as text: without a clock the date alone. None where dates are shifted, since
    a text cannot be.
-#}
{% macro date_as_text(site, time) -%}
    case
        when {{ is_deidentified(site) }} then cast(null as varchar)
        when {{ has_clock(site, time) }} then cast({{ time }} as varchar)
        else cast({{ local_date(site, time) }} as varchar)
    end
{%- endmacro %}
