{%- set reasons = ['rfv1', 'rfv2', 'rfv3', 'rfv4', 'rfv5'] -%}

with

visits as (
    select * from {{ ref('int_nhamcs_visit') }}
),

surveyed as (
    select
        site,
        visit_key,
        {%- for column in reasons %}
            cast({{ column }} as varchar) as {{ column }},
        {%- endfor %}
        cast(triage_level as varchar) as triage_level,
        case when arrived_by_ambulance then '1' when not arrived_by_ambulance then '2' end
            as arrived_by_ambulance,
        case when seen_72h then '1' when not seen_72h then '2' end as seen_72h
    from {{ ref('stg_nhamcs_visit') }}
),

answers as (
    unpivot surveyed
    on {{ reasons | join(', ') }}, triage_level, arrived_by_ambulance, seen_72h
    into name item value answer
),

final as (
    select
        visits.site,
        visits.visit_key,
        visits.person_key,
        concat(visits.visit_key, '|', answers.item) as event_key,
        case when answers.item like 'rfv%' then 'NHAMCS-RFV' else 'NHAMCS' end as code_system,
        case answers.item
            when 'triage_level' then 'IMMEDR'
            when 'arrived_by_ambulance' then 'ARREMS'
            when 'seen_72h' then 'SEEN72'
            else answers.answer
        end as code,
        case when answers.item like 'rfv%' then upper(answers.item) end as qualifier,
        case when answers.item not like 'rfv%' then try_cast(answers.answer as double) end as value_number,
        cast(null as varchar) as value_text,
        answers.answer as value_code,
        visits.started_at as effective_at,
        visits._arrived_at
    from answers
    inner join visits on answers.site = visits.site and answers.visit_key = visits.visit_key
)

select * from final
