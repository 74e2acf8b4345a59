with

results as (
    select * from {{ ref('int_hl7_result') }}
    where specimen_code is not null and collected_at is not null and recency = 1 and person_key is not null
),

final as (
    select
        site,
        'hl7v2_oru' as lake_table,
        {{ natural_key([
            'person_key', 'order_key', 'specimen_code', time_in_key('site', 'epoch_ms(collected_at)'),
        ]) }}
            as specimen_key,
        person_key,
        'HL7 0070' as code_system,
        specimen_code as code,
        collected_at,
        max(_arrived_at) as _arrived_at,
        cast(null as varchar) as left_out
    from results
    group by site, person_key, order_key, specimen_code, collected_at
)

select * from final
