{{ config(materialized = 'ephemeral') }}

with

specimens as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_specimen') }}
    where left_out is null
    union all by name
    select
        *,
        'hl7v2' as feed
    from {{ ref('int_hl7_specimen') }}
),

final as (
    select
        {{ record_id('specimens.site', 'specimens.feed', 'specimens.specimen_key') }} as specimen_id,
        {{ person_id('specimens.site', 'specimens.person_key') }} as person_id,
        coalesce({{ concept_in('concepts', 'Specimen') }}, 0) as specimen_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        case when specimens.quantity_unit is not null then coalesce({{ concept_in('units', 'Unit') }}, 0) end
            as unit_concept_id,
        case
            when specimens.body_site_code is not null
                then coalesce({{ concept_in('sites', 'Spec Anatomic Site') }}, 0)
        end as body_site_concept_id,
        specimens.*
    from specimens
    {{ join_concept('concepts', 'specimens.code_system', 'specimens.code', 'specimens.site') }}
    {{ join_concept('sites', 'specimens.body_site_system', 'specimens.body_site_code', 'specimens.site') }}
    {{ join_concept('units', "'UCUM'", 'specimens.quantity_unit', 'specimens.site') }}
    {{ join_concept('types', "'feed'", 'specimens.feed') }}
)

select * from final
