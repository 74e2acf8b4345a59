-- A cost's event is a row of the table that its domain says.
{%- set tables = {
    'Drug': 'drug_exposure', 'Visit': 'visit_occurrence', 'Procedure': 'procedure_occurrence',
    'Measurement': 'measurement', 'Observation': 'observation', 'Device': 'device_exposure',
    'Condition': 'condition_occurrence',
} %}
with

events as (
    {%- for domain, table in tables.items() %}
        select
            '{{ domain }}' as domain,
            {{ table }}_id as event_id
        from {{ ref(table) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select costs.*
    from {{ ref('cost') }} as costs
    anti join events on costs.cost_domain_id = events.domain and costs.cost_event_id = events.event_id
)

select * from final
