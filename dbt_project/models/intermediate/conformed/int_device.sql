with

uses as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_device_use') }}
    where left_out is null
    union all by name
    select
        *,
        'synthea_csv' as feed
    from {{ ref('int_synthea_device') }}
    where left_out is null
),

visits as (
    select
        site,
        visit_key,
        person_key,
        visit_occurrence_id
    from {{ ref('int_visit') }}
),

final as (
    select
        {{ target_columns('concepts', 'uses', 'use_key', 'device_exposure') }},
        {{ person_id('uses.site', 'uses.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        uses.*
    from uses
    {{ join_own_visit('uses') }}
    {{ join_targets('concepts', 'uses.code_system', 'uses.code', 'uses.site') }}
    {{ join_concept('types', "'feed'", 'uses.feed') }}
)

select * from final
