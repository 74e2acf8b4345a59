{{ config(materialized = 'ephemeral') }}

with

specimens as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_specimen') }}
    where left_out is null
),

concepts as (
    select * from {{ ref('concept_map') }}
),

final as (
    select
        {{ record_id('specimens.site', 'specimens.feed', 'specimens.specimen_key') }} as specimen_id,
        {{ person_id('specimens.site', 'specimens.person_key') }} as person_id,
        coalesce(concepts.concept_id, 0) as specimen_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        case when specimens.quantity_unit is not null then coalesce(units.concept_id, 0) end
            as unit_concept_id,
        specimens.*
    from specimens
    left join concepts
        on
            concepts.domain = 'specimen' and specimens.code_system = concepts.system
            and specimens.code = concepts.code
    left join concepts as types
        on types.domain = 'type' and specimens.feed = types.code
    left join concepts as units
        on units.domain = 'unit' and specimens.quantity_unit = units.code
)

select * from final
