with

practitioners as (
    select * from {{ ref('stg_fhir_practitioner') }}
),

links as (
    select * from {{ ref('int_provider_link') }}
),

places as (
    select * from {{ ref('int_fhir_place') }}
),

roles as (
    select
        roles.site,
        links.provider_key,
        roles.specialty_system,
        roles.specialty_code,
        coalesce(units.care_site_key, organizations.care_site_key) as care_site_key
    from {{ ref('stg_fhir_practitioner_role') }} as roles
    inner join links on roles.site = links.site and roles.practitioner_key = links.reference_key
    left join places as units on roles.site = units.site and roles.location_key = units.reference_key
    left join places as organizations
        on roles.site = organizations.site and roles.organization_key = organizations.reference_key
    -- Of several roles the one in use that says a specialty, the newest of those.
    qualify row_number() over (
        partition by roles.site, links.provider_key
        order by
            coalesce(roles.is_active, true) desc,
            roles.specialty_code is not null desc,
            coalesce(roles._version_at, roles._arrived_at) desc,
            roles.practitioner_role_key
    ) = 1
),

final as (
    select
        practitioners.site,
        practitioners.practitioner_key as provider_key,
        practitioners.gender as gender_code,
        roles.specialty_system,
        roles.specialty_code,
        roles.care_site_key,
        practitioners._arrived_at
    from practitioners
    left join roles
        on practitioners.site = roles.site and practitioners.practitioner_key = roles.provider_key
)

select * from final
