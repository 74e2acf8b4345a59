with

drugs as (
    select distinct drug_concept_id
    from {{ ref('drug_exposure') }}
    where drug_concept_id != 0
),

ancestors as (
    select * from {{ ref('concept_ancestor') }}
),

ingredients as (
    select * from {{ ref('concept') }}
    where concept_class_id = 'Ingredient' and standard_concept = 'S' and domain_id = 'Drug'
),

mounted as (
    select
        ancestors.descendant_concept_id as drug_concept_id,
        ancestors.ancestor_concept_id as ingredient_concept_id
    from drugs
    inner join ancestors on drugs.drug_concept_id = ancestors.descendant_concept_id
    inner join ingredients on ancestors.ancestor_concept_id = ingredients.concept_id
),

starter as (
    select * from {{ ref('drug_ingredients') }}
),

final as (
    select * from mounted
    union all by name
    select starter.*
    from starter
    anti join mounted on starter.drug_concept_id = mounted.drug_concept_id
)

select * from final
