{#-
    OHDSI plausibleStartBeforeEnd, plausibleAfterBirth, plausibleBeforeDeath and plausibleTemporalAfter over the dates of
    a table: a check fails where more rows break it than seeds/plausibility.csv allows for the table. What it allows is
    there because a feed's single odd date must not stop a hospital, and many of them must.
-#}
{% test plausible(model, first, last=none) %}
{%- set last = last or first %}
with

dated as (
    select
        facts.{{ first }} as first_date,
        facts.{{ last }} as last_date,
        make_date(
            nullif(persons.year_of_birth, 0), coalesce(persons.month_of_birth, 1), coalesce(persons.day_of_birth, 1)
        ) as born_on,
        deaths.death_date
    from {{ model }} as facts
    left join {{ ref('person') }} as persons on facts.person_id = persons.person_id
    left join {{ ref('death') }} as deaths on facts.person_id = deaths.person_id
),

thresholds as (
    select * from {{ ref('plausibility') }}
    where table_name = '{{ model.identifier }}'
),

today as (
    select least(max(source_release_date), cast(cast('{{ var("as_of") }}' as timestamptz) as date)) as day
    from {{ ref('cdm_source') }}
),

counted as (
    select
        thresholds.check_name,
        thresholds.allowed_rows,
        thresholds.allowed_share,
        count(dated.first_date) as all_rows,
        count(*) filter (where case thresholds.check_name
            when 'end before start' then dated.last_date < dated.first_date - thresholds.tolerance_days
            when 'before birth' then dated.first_date < dated.born_on - thresholds.tolerance_days
            when 'after death' then dated.first_date > dated.death_date + thresholds.tolerance_days
            when 'in the future' then dated.first_date > today.day + thresholds.tolerance_days
        end) as broken_rows
    from thresholds
    cross join today
    left join dated on true
    group by thresholds.check_name, thresholds.allowed_rows, thresholds.allowed_share
)

select * from counted
where broken_rows > greatest(allowed_rows, allowed_share * all_rows)
{% endtest %}
