{{ config(materialized = 'ephemeral') }}

with

bills as (
    select
        *,
        'ehr_fhir' as feed,
        cast(null as varchar) as procedure_key
    from {{ ref('int_fhir_cost') }}
    where left_out is null
    union all by name
    select
        *,
        'x12_837' as feed
    from {{ ref('int_x12_cost') }}
    where left_out is null
    union all by name
    select
        * exclude (event_key),
        event_key as procedure_key,
        'synthea_csv' as feed
    from {{ ref('int_synthea_cost') }}
    where left_out is null
),

periods as (
    select
        site,
        feed,
        coverage_key
    from {{ ref('int_payer_period') }}
),

-- What a line of a claim or of Synthea's export is for. One whose procedure another feed tells is of that
-- procedure no more; its charge is in the claim's.
procedures as (
    select
        site,
        feed,
        procedure_key,
        row_id,
        omop_table
    from {{ ref('int_procedure') }}
    where feed in ('x12_837', 'synthea_csv') and target = 1
    union all
    select
        site,
        feed,
        drug_key as procedure_key,
        row_id,
        omop_table
    from {{ ref('int_drug') }}
    where feed = 'synthea_csv' and target = 1
),

final as (
    select
        bills.*,
        procedures.row_id,
        procedures.omop_table,
        periods.coverage_key as known_coverage_key
    from bills
    left join periods
        on
            bills.site = periods.site
            and bills.feed = periods.feed
            and bills.coverage_key = periods.coverage_key
    left join procedures
        on
            bills.site = procedures.site
            and bills.feed = procedures.feed
            and bills.procedure_key = procedures.procedure_key
    where bills.procedure_key is null or procedures.row_id is not null
)

select * from final
