with

coverages as (
    select * from {{ ref('stg_fhir_coverage') }}
    -- Landed before covers had a table of their own.
    union all by name
    select * from {{ ref('stg_fhir_resource') }}
    where resource_type = 'Coverage'
),

links as (
    select * from {{ ref('int_person_link') }}
),

final as (
    select
        links.site,
        links.person_key,
        -- Source of Payment Typology (nahdo.org/sopt): the first digit is the class of payer.
        arg_max(
            case coverages.type_code[1:1]
                when '1' then 'medicare' when '2' then 'medicaid'
                when '5' then 'private' when '6' then 'private'
                when '8' then 'self-pay' when '3' then 'other' when '4' then 'other' when '7' then 'other'
                when '9' then 'other'
            end,
            (
                coalesce(coverages._version_at, coverages._arrived_at),
                coverages._arrived_at,
                coverages._line,
                coverages._file
            )
        ) as payer
    from coverages
    inner join links on coverages.site = links.site and coverages.patient_key = links.reference_key
    group by links.site, links.person_key
)

select * from final
