"""Source code to standard concept, worked out once when a vocabulary is mounted.

A code stands for the concept of that vocabulary and code: the valid one where it was used twice. A standard concept is
what that concept `Maps to` and is valid and standard, or it itself; there may be several, which `target` counts, and
none, which is concept 0. `Maps to value` names the answer that a code holds beside its question. A site's own map
(source_to_concept_map) replaces what the vocabulary says of its codes. What does not belong here: reading files.
"""

CODE_MAP = """
with sources as (
    select vocabulary_id, concept_code as code, concept_id as source_concept_id
    from concept
    where concept_id != 0
    qualify row_number() over (
        partition by vocabulary_id, concept_code
        order by invalid_reason is null desc, standard_concept is not distinct from 'S' desc, valid_start_date desc,
            concept_id
    ) = 1
),
standard as (
    select concept_id, domain_id
    from concept
    where standard_concept = 'S' and invalid_reason is null and concept_id != 0
),
maps as (
    select concept_id_1 as source_concept_id, concept_id_2 as concept_id
    from concept_relationship
    where relationship_id = 'Maps to' and invalid_reason is null
    union
    select concept_id, concept_id from standard
),
mapped as (
    select maps.source_concept_id, standard.concept_id, standard.domain_id
    from maps
    inner join standard on maps.concept_id = standard.concept_id
),
answers as (
    select concept_id_1 as source_concept_id, min(concept_id_2) as value_concept_id
    from concept_relationship
    where relationship_id = 'Maps to value' and invalid_reason is null
        and concept_id_2 in (select concept_id from concept)
    group by concept_id_1
),
of_vocabulary as (
    select
        sources.*, mapped.concept_id, mapped.domain_id, answers.value_concept_id, 'vocabulary' as origin
    from sources
    left join mapped on sources.source_concept_id = mapped.source_concept_id
    left join answers on sources.source_concept_id = answers.source_concept_id
),
of_site as (
    select distinct
        source_vocabulary_id as vocabulary_id, source_code as code,
        coalesce(nullif(stated.source_concept_id, 0), sources.source_concept_id, 0) as source_concept_id,
        standard.concept_id, standard.domain_id, cast(null as integer) as value_concept_id, 'site' as origin
    from source_to_concept_map as stated
    inner join standard on stated.target_concept_id = standard.concept_id
    left join sources on stated.source_vocabulary_id = sources.vocabulary_id and stated.source_code = sources.code
    where stated.invalid_reason is null
),
stated as (
    select * from of_site
    union all by name
    select of_vocabulary.*
    from of_vocabulary
    anti join of_site on of_vocabulary.vocabulary_id = of_site.vocabulary_id and of_vocabulary.code = of_site.code
)
select
    vocabulary_id, code,
    cast(row_number() over (partition by vocabulary_id, code order by concept_id) as integer) as target,
    source_concept_id, coalesce(concept_id, 0) as concept_id, domain_id, value_concept_id, origin
from stated
order by vocabulary_id, code
"""
