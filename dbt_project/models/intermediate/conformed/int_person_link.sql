{%- set mentioning = [
    'encounter', 'observation', 'condition', 'procedure', 'medication_request', 'medication_administration',
    'medication_statement', 'immunization', 'device_use_statement', 'specimen', 'imaging_study',
    'allergy_intolerance', 'coverage',
] -%}
{#- A number that this many records share is no number of a person, whatever its type says. -#}
{%- set most_records = 20 -%}

with recursive

records as (
    select * from {{ ref('int_person_record') }}
),

statements as (
    select * from {{ ref('int_person_merge') }}
),

resolved as (
    select
        site,
        reference_key,
        arg_min(record_key, (precedence, record_key)) as record_key
    from records
    group by site, reference_key
),

shared as (
    select
        site,
        list_sort(list_distinct(list(record_key))) as record_keys
    from records
    where is_own
    group by site, reference_key
    having count(distinct record_key) between 2 and {{ most_records }}
),

-- Only records that something links to others are looked at from here on: most stand for themselves.
pairs as (
    select
        site,
        record_keys[1] as one,
        unnest(record_keys[2:]) as other
    from shared
    union
    select
        statements.site,
        coalesce(priors.record_key, statements.prior_key) as one,
        coalesce(survivors.record_key, statements.surviving_key) as other
    from statements
    left join resolved as priors
        on statements.site = priors.site and statements.prior_key = priors.reference_key
    left join resolved as survivors
        on statements.site = survivors.site and statements.surviving_key = survivors.reference_key
    where statements.is_current and statements.is_linked
),

neighbours as (
    select
        site,
        one,
        other
    from pairs
    union
    select
        site,
        other as one,
        one as other
    from pairs
),

seeds as (
    select
        site,
        one as record_key,
        least(one, min(other)) as label
    from neighbours
    group by site, one
),

-- The smallest key that can be reached spreads until it is everywhere; it names the group and nothing else.
reached as (
    select * from seeds
    union
    select
        neighbours.site,
        neighbours.other as record_key,
        reached.label
    from reached
    inner join neighbours on reached.site = neighbours.site and reached.record_key = neighbours.one
    inner join seeds on neighbours.site = seeds.site and neighbours.other = seeds.record_key
    where reached.label < seeds.label
),

grouped as (
    select
        site,
        record_key,
        min(label) as label
    from reached
    group by site, record_key
),

-- A record has ended where the last merge that names it says so; of a circle the last merge decides.
told as (
    select
        site,
        prior_key as told_key,
        said_at,
        said_by,
        true as has_ended
    from statements
    where has_survivor and is_current
    union all
    select
        site,
        surviving_key as told_key,
        said_at,
        said_by,
        false as has_ended
    from statements
    where has_survivor and is_current
),

ends as (
    select
        told.site,
        coalesce(resolved.record_key, told.told_key) as record_key,
        arg_max(told.has_ended, (told.said_at, told.said_by, told.has_ended)) as has_ended
    from told
    left join resolved on told.site = resolved.site and told.told_key = resolved.reference_key
    group by all
),

numbered as (
    select distinct
        site,
        mrn_key
    from {{ ref('stg_fhir_patient') }}
    where mrn_key is not null
),

named as (
    select
        grouped.site,
        grouped.label,
        arg_min(
            grouped.record_key,
            (coalesce(ends.has_ended, false), patients.mrn_key is null, grouped.record_key)
        ) as person_key
    from grouped
    left join ends on grouped.site = ends.site and grouped.record_key = ends.record_key
    left join numbered as patients
        on grouped.site = patients.site and grouped.record_key = patients.mrn_key
    group by grouped.site, grouped.label
),

identified as (
    select
        resolved.site,
        resolved.reference_key,
        coalesce(named.person_key, resolved.record_key) as person_key,
        false as is_placeholder
    from resolved
    left join grouped on resolved.site = grouped.site and resolved.record_key = grouped.record_key
    left join named on grouped.site = named.site and grouped.label = named.label
),

mentioned as (
    {%- for record in mentioning %}
        select
            site,
            patient_key as reference_key
        from {{ ref('stg_fhir_' ~ record) }}
        {{ 'union' if not loop.last }}
    {%- endfor %}
),

unknown as (
    select
        mentioned.site,
        mentioned.reference_key,
        mentioned.reference_key as person_key,
        true as is_placeholder
    from mentioned
    anti join identified
        on mentioned.site = identified.site and mentioned.reference_key = identified.reference_key
    where mentioned.reference_key is not null
),

final as (
    select * from identified
    union all by name
    select * from unknown
)

select * from final
