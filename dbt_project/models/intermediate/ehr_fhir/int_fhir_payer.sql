with

resources as (
    select * from {{ ref('stg_fhir_resource') }}
    where resource_type = 'Coverage'
),

links as (
    select * from {{ ref('int_fhir_person_link') }}
),

final as (
    select
        links.site,
        links.person_key,
        -- Source of Payment Typology (nahdo.org/sopt): the first digit is the class of payer.
        arg_max(
            case resources.type_code[1:1]
                when '1' then 'medicare' when '2' then 'medicaid' when '5' then 'private' when
                    '6'
                    then 'private'
                when '8' then 'self-pay' when '3' then 'other' when '4' then 'other' when '7' then 'other'
                when '9' then 'other'
            end,
            coalesce(resources._version_at, resources._arrived_at)
        ) as payer
    from resources
    inner join links on resources.site = links.site and resources.patient_key = links.reference_key
    group by links.site, links.person_key
)

select * from final
