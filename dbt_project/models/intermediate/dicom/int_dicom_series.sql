with

instances as (
    select * from {{ ref('stg_dicom_instance') }}
),

links as (
    select * from {{ ref('int_person_link') }}
),

visit_links as (
    select * from {{ ref('int_visit_link') }}
),

stays as (
    select
        site,
        visit_key,
        person_key
    from {{ ref('int_stay') }}
),

known as (
    select
        instances.*,
        coalesce(by_admission.visit_key, by_accession.visit_key) as stay_key,
        coalesce(instances.acquired_at, instances.series_at, instances.study_at, instances.content_at)
            as imaged_at,
        coalesce(
            instances.study_date, instances.series_date, instances.acquisition_date, instances.content_date
        ) as imaged_on
    from instances
    left join visit_links as by_admission
        on instances.site = by_admission.site and instances.visit_key = by_admission.reference_key
    left join visit_links as by_accession
        on instances.site = by_accession.site and instances.accession_key = by_accession.reference_key
),

-- An object without a patient is of whose visit it was made in, and of whom the study's other objects are.
linked as (
    select
        known.*,
        coalesce(links.person_key, stays.person_key) as person_key
    from known
    left join links on known.site = links.site and known.mrn_key = links.reference_key
    left join stays on known.site = stays.site and known.stay_key = stays.visit_key
),

of_studies as (
    select
        site,
        study_key,
        arg_min(person_key, (mrn_key is null, person_key)) filter (where person_key is not null) as person_key
    from linked
    group by site, study_key
),

final as (
    select
        linked.site,
        linked.study_key,
        linked.series_key,
        coalesce(linked.person_key, of_studies.person_key) as person_key,
        min(linked.stay_key) as visit_key,
        min(linked.modality) as modality,
        min(linked.body_part) as body_part,
        min(linked.laterality) as laterality,
        count(*) as instance_count,
        min(linked.imaged_at) as started_at,
        min(coalesce(linked.imaged_at, {{ midnight('linked.site', 'linked.imaged_on') }})) as occurred_at,
        coalesce(min(linked.performed_procedure_code), min(linked.requested_procedure_code))
            as procedure_code,
        case
            when min(linked.performed_procedure_code) is not null
                then {{ message_code_system('min(linked.performed_procedure_system)') }}
            else {{ message_code_system('min(linked.requested_procedure_system)') }}
        end as procedure_system,
        max(linked._arrived_at) as _arrived_at
    from linked
    inner join of_studies on linked.site = of_studies.site and linked.study_key = of_studies.study_key
    group by
        linked.site, linked.study_key, linked.series_key, coalesce(linked.person_key, of_studies.person_key)
)

select * from final
