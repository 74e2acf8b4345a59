with

events as (
    select * from {{ ref('int_hl7_live_event') }}
    where not is_undone and not is_undoing
),

visits as (
    select * from {{ ref('int_hl7_visit') }}
    where left_out is null
),

-- The diagnoses of a visit are those that its last message with any lists.
lists as (
    select *
    from events
    where len(diagnoses) > 0
    qualify row_number() over (partition by site, visit_key order by position desc) = 1
),

listed as (
    select
        *,
        unnest(diagnoses) as diagnosis,
        generate_subscripts(diagnoses, 1) as nth
    from lists
),

coded as (
    select
        listed.site,
        listed.visit_key,
        visits.person_key,
        {{ prefers_alternate('diagnosis.code_system', 'diagnosis.alternate_system') }} as is_alternate,
        diagnosis,
        listed.nth,
        listed.message_key,
        listed.happened_at,
        visits.started_at,
        listed._arrived_at
    from listed
    inner join visits on listed.site = visits.site and listed.visit_key = visits.visit_key
),

said as (
    select
        coded.site,
        coded.visit_key,
        coded.person_key,
        case
            when coded.is_alternate then {{ message_code_system('diagnosis.alternate_system') }}
            else {{ message_code_system('diagnosis.code_system') }}
        end as code_system,
        case when coded.is_alternate then diagnosis.alternate_code else diagnosis.code end as code,
        diagnosis.type_code as category_code,
        diagnosis.diagnosed_at as onset_at,
        coalesce(diagnosis.diagnosed_at, coded.started_at, coded.happened_at) as occurred_at,
        coded.message_key,
        coded.nth,
        concat('DG1 ', coded.nth) as part,
        coded._arrived_at
    from coded
),

final as (
    select
        * exclude (nth),
        {{ natural_key(["'DG1'", 'visit_key', 'code_system', 'code']) }} as condition_key
    from said
    where code is not null
    qualify row_number() over (
        partition by site, visit_key, code_system, code
        order by occurred_at, category_code, nth
    ) = 1
)

select * from final
