{#- Observation result status (table 0085): what was never a result, and what is none any more. -#}
{%- set no_result = "('I', 'N', 'O', 'X')" -%}
{%- set taken_back = "('D', 'W')" -%}
{#- A range, a ratio, a titre, "not 5" or "about 5" is no number: it is kept as it was said. -#}
{%- set is_number -%}
    (
        coalesce(result.value_comparator, '=') in ('=', '<', '<=', '>=', '>')
        and result.value_separator is null and result.value_number_to is null
    )
{%- endset -%}
{%- set as_said -%}
    concat(result.value_comparator, result.value_number, result.value_separator, result.value_number_to)
{%- endset -%}

with

messages as (
    select * from {{ ref('stg_hl7_oru') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

visit_links as (
    select * from {{ ref('int_visit_link') }}
),

told as (
    select
        messages.site,
        messages.message_key,
        messages.patient_key,
        messages.visit_key as visit_number_key,
        coalesce(messages.message_at, messages._arrived_at) as said_at,
        messages._arrived_at,
        messages._line,
        unnest(messages.results, recursive := false) as result
    from messages
),

coded as (
    select
        *,
        {{ prefers_alternate('result.code_system', 'result.alternate_system') }} as is_alternate,
        coalesce(result.patient_key, told.patient_key) as reference_key
    from told
),

known as (
    select
        coded.site,
        coded.message_key,
        coalesce(links.person_key, coded.reference_key) as person_key,
        visits.visit_key,
        coalesce(coded.result.filler_order_key, coded.result.placer_order_key) as order_key,
        case
            when coded.is_alternate then {{ message_code_system('coded.result.alternate_system') }}
            else {{ message_code_system('coded.result.code_system') }}
        end as code_system,
        case when coded.is_alternate then coded.result.alternate_code else coded.result.code end as code,
        coded.result,
        coalesce(
            coded.result.observed_at, coded.result.collected_at, coded.result.reported_at, coded.said_at
        ) as effective_at,
        coded.said_at,
        coded._arrived_at,
        coded._line
    from coded
    left join links on coded.site = links.site and coded.reference_key = links.reference_key
    left join visit_links as visits
        on coded.site = visits.site and coded.visit_number_key = visits.reference_key
),

-- Which of the observations of one code in an order it is: corrected messages repeat them in order.
placed as (
    select
        known.*,
        row_number() over (
            partition by
                known.site,
                known.message_key,
                known.person_key,
                known.order_key,
                known.code_system,
                known.code,
                known.result.sub_id
            order by known.result.observation_no, known.result.repetition_no
        ) as nth
    from known
),

identified as (
    select
        *,
        {{ natural_key([
            'person_key', 'coalesce(order_key, cast(' ~ time_in_key('site', 'epoch_ms(effective_at)') ~ ' as varchar))',
            'code_system', 'code', 'result.sub_id', 'nth',
        ]) }} as event_key
    from placed
),

ordered as (
    select
        *,
        row_number() over (
            partition by site, event_key order by said_at desc, _arrived_at desc, _line desc, message_key asc
        ) as recency
    from identified
),

valued as (
    select
        ordered.site,
        ordered.message_key,
        ordered.event_key,
        ordered.person_key,
        ordered.visit_key,
        ordered.order_key,
        ordered.code_system,
        ordered.code,
        case when {{ is_number }} then result.value_number end as value_number,
        case
            when {{ is_number }} and result.value_comparator in {{ comparators() }}
                then result.value_comparator
        end as value_comparator,
        result.value_unit as unit_code,
        case
            when {{ prefers_alternate('result.value_code_system', 'result.value_alternate_system') }}
                then result.value_alternate_code
            else result.value_code
        end as value_code,
        case
            when {{ prefers_alternate('result.value_code_system', 'result.value_alternate_system') }}
                then {{ message_code_system('result.value_alternate_system') }}
            else {{ message_code_system('result.value_code_system') }}
        end as value_code_system,
        coalesce(
            result.value_text,
            {{ date_as_text('ordered.site', 'result.value_at') }},
            result.value_clock,
            result.value_unread,
            case when not {{ is_number }} then nullif({{ as_said }}, '') end
        ) as value_text,
        coalesce(result.value_unread, {{ as_said }}) as value_source,
        try_cast(regexp_extract(result.reference_range, '^ *([0-9.]+) *- *[0-9.]+ *$', 1) as double)
            as range_low,
        try_cast(regexp_extract(result.reference_range, '^ *[0-9.]+ *- *([0-9.]+) *$', 1) as double)
            as range_high,
        concat('OBX ', result.observation_no) as part,
        result.status_code,
        result.order_status_code,
        coalesce(result.deleted_fields, '') as deleted_fields,
        coalesce(result.section_code, '') as section_code,
        result.specimen_code,
        result.collected_at,
        ordered.effective_at,
        ordered.effective_at as occurred_at,
        ordered.said_at as issued_at,
        ordered.recency,
        ordered._arrived_at
    from ordered
),

final as (
    select
        valued.*,
        'hl7v2_oru' as lake_table,
        coalesce(
            case domains.domain_id when 'Measurement' then true when 'Observation' then false end,
            valued.value_source != '' or valued.specimen_code is not null
            or valued.section_code in ('BG', 'CH', 'HM', 'IMM', 'LAB', 'MB', 'MCB', 'MYC', 'SR', 'TX', 'VR')
        ) as is_measurement,
        {{ left_out({
            'no person': 'valued.person_key is null',
            'replaced by a later result': 'valued.recency > 1',
            'taken back': "valued.status_code in " ~ taken_back ~ " or valued.order_status_code = 'X'"
                ~ " or list_contains(string_split(valued.deleted_fields, ' '), 'f5')",
            'no result yet': 'valued.status_code in ' ~ no_result,
            'no value that lands': 'coalesce(cast(valued.value_number as varchar), valued.value_code,'
                ~ ' valued.value_text) is null',
        }) }} as left_out
    from valued
    {{ join_concept('domains', 'valued.code_system', 'valued.code', 'valued.site') }}
)

select * from final
