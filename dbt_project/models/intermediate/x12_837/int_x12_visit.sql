{#- Disposition as the billing committee codes it. -#}
{%- set died = "('20', '40', '41', '42')" -%}

with

claims as (
    select * from {{ ref('int_x12_claim') }}
    where left_out is null
),

final as (
    select
        site,
        'x12_837' as feed,
        visit_key,
        arg_max(person_key, (submitted_at, claim_key)) as person_key,
        arg_min(billing_provider_key, (kind, claim_key)) as care_site_key,
        -- An institutional claim (I) knows the stay better than a professional one (P).
        arg_min(
            case when facility_qualifier = 'B' then 'CMS place of service' else 'NUBC bill type' end,
            (kind, claim_key)
        )
            as class_system,
        arg_min(facility_code, (kind, claim_key)) as class_code,
        'finished' as status,
        min(started_at) as started_at,
        greatest(max(ended_at), min(started_at)) as ended_at,
        bool_or(admission_at is not null) as has_arrival_time,
        true as is_ended,
        coalesce(bool_or(facility_qualifier = 'B' and facility_code = '23'), false) as starts_in_emergency,
        coalesce(bool_or(
            (facility_qualifier = 'A' and facility_code in ('11', '12'))
            or (facility_qualifier = 'B' and facility_code in ('21', '51', '61'))
        ), false) as is_admitted,
        coalesce(bool_or(discharge_status_code in {{ died }}), false) as is_dead,
        false as is_dead_on_arrival,
        false as has_left_early,
        false as is_transferred,
        false as is_unit_known,
        false as is_survival_known,
        false as is_history_known,
        false as seen_72h,
        'HL7 0112' as discharged_to_system,
        max(discharge_status_code) as discharged_to_code,
        max(admission_source_code) as admitted_from_code,
        max(_arrived_at) as _arrived_at
    from claims
    group by site, visit_key
)

select * from final
