with

specimens as (
    select * from {{ ref('int_specimen') }}
),

published as (
    {{ published('specimens', ['collected_at']) }}
),

final as (
    select
        specimen_id,
        person_id,
        cast(specimen_concept_id as integer) as specimen_concept_id,
        cast(type_concept_id as integer) as specimen_type_concept_id,
        {{ local_date('site', 'collected_at') }} as specimen_date,
        {{ utc('collected_at') }} as specimen_datetime,
        quantity,
        cast(unit_concept_id as integer) as unit_concept_id,
        cast(body_site_concept_id as integer) as anatomic_site_concept_id,
        cast(case when condition_code is not null then 0 end as integer) as disease_status_concept_id,
        specimen_key[1:50] as specimen_source_id,
        code[1:50] as specimen_source_value,
        quantity_unit[1:50] as unit_source_value,
        body_site_code[1:50] as anatomic_site_source_value,
        condition_code[1:50] as disease_status_source_value
    from published
)

select * from final
