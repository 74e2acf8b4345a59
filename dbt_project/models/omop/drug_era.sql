{%- set keys = ['person_id', 'drug_concept_id'] -%}

with

exposures as (
    select
        exposures.person_id,
        ingredients.ingredient_concept_id as drug_concept_id,
        exposures.drug_exposure_start_date as first_date,
        exposures.drug_exposure_end_date as last_date
    from {{ ref('drug_exposure') }} as exposures
    inner join {{ ref('int_drug_ingredient') }} as ingredients
        on exposures.drug_concept_id = ingredients.drug_concept_id
    where {{ is_touched('exposures.person_id') }}
),

-- Exposures that overlap are one stretch of days: days taken twice must not hide days without the drug.
begun as (
    select
        *,
        {{ begins_run(keys, 'first_date', 'last_date', gap = 0) }} as begins
    from exposures
),

numbered as (
    select
        *,
        {{ run_number(keys, 'first_date', 'last_date', 'begins') }} as stretch
    from begun
),

stretches as (
    select
        person_id,
        drug_concept_id,
        min(first_date) as first_date,
        max(last_date) as last_date,
        count(*) as exposures
    from numbered
    group by person_id, drug_concept_id, stretch
),

era_begun as (
    select
        *,
        {{ begins_run(keys, 'first_date', 'last_date', gap = 30) }} as begins
    from stretches
),

era_numbered as (
    select
        *,
        {{ run_number(keys, 'first_date', 'last_date', 'begins') }} as era
    from era_begun
),

final as (
    select
        {{ hash63(["'drug era'", 'person_id', 'drug_concept_id', 'min(first_date)']) }} as drug_era_id,
        person_id,
        drug_concept_id,
        min(first_date) as drug_era_start_date,
        max(last_date) as drug_era_end_date,
        cast(sum(exposures) as integer) as drug_exposure_count,
        cast(max(last_date) - min(first_date) - sum(last_date - first_date) as integer) as gap_days
    from era_numbered
    group by person_id, drug_concept_id, era
)

select * from final
