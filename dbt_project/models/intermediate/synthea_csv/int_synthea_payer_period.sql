with

covers as (
    select * from {{ ref('stg_synthea_payer_transition') }}
),

payers as (
    select
        site,
        payer_key,
        payer_name
    from {{ ref('stg_synthea_payer') }}
),

final as (
    select
        covers.site,
        'synthea_payer_transition' as lake_table,
        covers.cover_key as coverage_key,
        covers.patient_key as person_key,
        covers.started_at,
        greatest(covers.started_at, coalesce(covers.ended_at, covers._arrived_at)) as ended_at,
        payers.payer_name as payer_code,
        covers.plan_ownership_code as plan_code,
        cast(null as varchar) as family_key,
        covers._arrived_at,
        cast(null as varchar) as left_out
    from covers
    left join payers on covers.site = payers.site and covers.payer_key = payers.payer_key
)

select * from final
