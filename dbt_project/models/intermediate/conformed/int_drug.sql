with

drugs as (
    select
        *,
        'ehr_fhir' as feed
    from {{ ref('int_fhir_drug') }}
    where left_out is null
    union all by name
    select
        *,
        'synthea_csv' as feed
    from {{ ref('int_synthea_drug') }}
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
        {{ target_columns('concepts', 'drugs', 'drug_key', 'drug_exposure') }},
        {{ person_id('drugs.site', 'drugs.person_key') }} as person_id,
        visits.visit_occurrence_id,
        case when drugs.route_code is not null then coalesce({{ concept_in('routes', 'Route') }}, 0) end
            as route_concept_id,
        coalesce(types.concept_id, 0) as type_concept_id,
        drugs.*
    from drugs
    {{ join_own_visit('drugs') }}
    {{ join_targets('concepts', 'drugs.code_system', 'drugs.code', 'drugs.site') }}
    {{ join_concept('routes', 'drugs.route_system', 'drugs.route_code', 'drugs.site') }}
    {{ join_concept(
        'types', "if(drugs.kind is null, 'feed', 'record')", 'coalesce(drugs.kind, drugs.feed)'
    ) }}
)

select * from final
