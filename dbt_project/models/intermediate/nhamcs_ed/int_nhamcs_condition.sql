{%- set flags = [
    'etohab', 'alzhd', 'asthma', 'cancer', 'cebvd', 'ckd', 'copd', 'chf', 'cad', 'deprn', 'diabtyp1', 'diabtyp2',
    'diabtyp0', 'esrd', 'hpe', 'edhiv', 'hyplipid', 'htn', 'obesity', 'osa', 'ostprsis', 'substab',
] -%}

with

visits as (
    select * from {{ ref('int_nhamcs_visit') }}
),

surveyed as (
    select site, visit_key, {{ flags | join(', ') }}
    from {{ ref('stg_nhamcs_visit') }}
),

present as (
    unpivot surveyed
    on {{ flags | join(', ') }}
    into name flag value is_present
),

final as (
    select
        visits.site,
        visits.visit_key,
        visits.person_key,
        concat(visits.visit_key, '|', present.flag) as condition_key,
        'NHAMCS-FLAG' as code_system,
        upper(present.flag) as code,
        visits.started_at - interval 1 day as onset_at,
        visits.started_at - interval 1 day as known_from_at,
        cast(null as timestamptz) as abated_at,
        'history' as category_code,
        cast(null as varchar) as verification_status,
        visits._arrived_at
    from present
    inner join visits on present.site = visits.site and present.visit_key = visits.visit_key
    where present.is_present
)

select * from final
