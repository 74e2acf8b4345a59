-- A cost's event is a drug exposure, a procedure or a visit, as its domain says.
with

events as (
    select
        'Drug' as domain,
        drug_exposure_id as event_id
    from {{ ref('drug_exposure') }}
    union all
    select
        'Procedure' as domain,
        procedure_occurrence_id as event_id
    from {{ ref('procedure_occurrence') }}
    union all
    select
        'Visit' as domain,
        visit_occurrence_id as event_id
    from {{ ref('visit_occurrence') }}
),

final as (
    select costs.*
    from {{ ref('cost') }} as costs
    anti join events on costs.cost_domain_id = events.domain and costs.cost_event_id = events.event_id
)

select * from final
