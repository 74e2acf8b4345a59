with

conditions as (
    select
        * exclude (lake_table, left_out),
        'ehr_fhir' as feed
    from {{ ref('int_fhir_condition') }}
    where left_out is null
    union all by name
    select
        *,
        onset_at as occurred_at,
        'nhamcs_ed' as feed
    from {{ ref('int_nhamcs_condition') }}
    union all by name
    select
        *,
        'hl7v2' as feed
    from {{ ref('int_hl7_condition') }}
    union all by name
    select
        *,
        'x12_837' as feed
    from {{ ref('int_x12_condition') }}
    union all by name
    select
        * exclude (lake_table, left_out),
        'synthea_csv' as feed
    from {{ ref('int_synthea_condition') }}
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

coded as (
    select
        {{ target_columns('concepts', 'conditions', 'condition_key', 'condition_occurrence') }},
        {{ person_id('conditions.site', 'conditions.person_key') }} as person_id,
        visits.visit_occurrence_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        conditions.*
    from conditions
    {{ join_own_visit('conditions') }}
    {{ join_targets('concepts', 'conditions.code_system', 'conditions.code', 'conditions.site') }}
    {{ join_concept('types', "'feed'", 'conditions.feed') }}
    where conditions.person_key is not null
),

-- The same diagnosis of a visit, by whoever is believed first.
once as (
    {{ told_once('coded', [
        'person_key', meaning('concept_id', 'code_system', 'code'), 'visit_occurrence_id',
        'case when visit_occurrence_id is null then ' ~ local_date('site', 'occurred_at') ~ ' end',
    ]) }}
),

final as (
    select * from once
)

select * from final
