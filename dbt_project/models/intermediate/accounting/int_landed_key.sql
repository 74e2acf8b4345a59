{#- Written apart from the staging models on purpose, so that one fault cannot hide in both. -#}
{%- set tables = {
    'fhir_patient': ('ehr_fhir', 'false', 'is_deceased or deceased_at is not null'),
    'fhir_encounter': ('ehr_fhir', "status = 'entered-in-error'", 'false'),
    'fhir_condition': ('ehr_fhir', "verification_status = 'entered-in-error'", 'false'),
    'fhir_observation': ('ehr_fhir', "status in ('entered-in-error', 'cancelled')", 'false'),
    'nhamcs_visit': ('nhamcs_ed', 'false', 'dieded or doa or hospital_discharge_status = 2'),
} -%}

with

versions as (
    {%- for table, (feed, withdrawn, dead) in tables.items() %}
        {{ 'union all' if not loop.first }}
        select
            '{{ table }}' as lake_table,
            site,
            _key,
            _is_deleted as is_deleted,
            coalesce({{ withdrawn }}, false) as is_withdrawn,
            coalesce({{ dead }}, false) as is_dead,
            struct_pack(
                version_at := coalesce(_version_at, _arrived_at),
                arrived_at := _arrived_at,
                line := _line,
                file := _file
            ) as recency
        from {{ source(feed, table) }}
        where _arrived_at <= cast('{{ var("as_of") }}' as timestamptz)
    {%- endfor %}
),

final as (
    select
        lake_table,
        site,
        _key,
        max_by(is_deleted, recency) as is_deleted,
        max_by(is_withdrawn, recency) as is_withdrawn,
        max_by(is_dead, recency) as is_dead
    from versions
    group by lake_table, site, _key
)

select * from final
