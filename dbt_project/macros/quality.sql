{#-
    The check types of OHDSI's Data Quality Dashboard as SQL, for the test `data_quality`. Each is two numbers: rows that
    break it, and rows that it looks at. Rows are those of `facts`, which knows person, death and visit of each.
-#}

{#- Check types that look at one row at a time: when a row breaks it, and which rows it looks at. -#}
{% macro quality_of_row(check) -%}
    {%- set field = 'facts.' ~ check.cdm_field -%}
    {%- set known = field ~ ' is not null' -%}
    {%- set days = check.tolerance_days or 0 -%}
    {%- set against = '' if check.against is none else check.against | string -%}
    {%- set concept = 'facts.' ~ check.cdm_table.split('_')[0] ~ '_concept_id = ' ~ check.concept_id -%}
    {%- set of_concept = known if check.concept_id is none else known ~ ' and ' ~ concept
        ~ ('' if check.unit_concept_id is none else ' and facts.unit_concept_id = ' ~ check.unit_concept_id) -%}
    {%- set bound = "(select today.day from today) + " ~ days if against == 'today' else check.bound -%}
    {{ return({
        'isRequired': (field ~ ' is null', 'true'),
        'measureValueCompleteness': (field ~ ' is null', 'true'),
        'isForeignKey': ('referred_' ~ check.cdm_field ~ '.id is null', known),
        'plausibleValueLow': (field ~ ' < ' ~ bound, of_concept),
        'plausibleValueHigh': (field ~ ' > ' ~ bound, of_concept),
        'plausibleUnitConceptIds': (
            'facts.unit_concept_id is null or facts.unit_concept_id not in (' ~ against | replace(';', ', ') ~ ')',
            concept ~ ' and facts.value_as_number is not null'
        ),
        'plausibleGender': (
            'persons.gender_concept_id != ' ~ against, concept ~ ' and persons.gender_concept_id != 0'
        ),
        'plausibleTemporalAfter': (field ~ ' < cast(' ~ against ~ ' as date) - ' ~ days, known),
        'plausibleStartBeforeEnd': ('facts.' ~ against ~ ' < ' ~ field ~ ' - ' ~ days, known),
        'plausibleAfterBirth': (field ~ ' < persons.born_on - ' ~ days, known),
        'plausibleBeforeDeath': (field ~ ' > deaths.death_date + ' ~ days, known),
        'plausibleDuringLife': (field ~ ' > deaths.death_date + ' ~ days, 'deaths.death_date is not null and ' ~ known),
        'isVisitOfPerson': ('visits.person_id != facts.person_id', 'visits.person_id is not null'),
        'withinVisitDates': (
            field ~ ' < visits.visit_start_date - ' ~ days ~ ' or ' ~ field ~ ' > visits.visit_end_date + ' ~ days,
            'visits.visit_start_date is not null and ' ~ known
        ),
    }.get(check.check_name)) }}
{%- endmacro %}

{#- Check types that look at the concepts of a column: `n` rows each, with what the vocabulary says of them. -#}
{% macro quality_of_concept(check) -%}
    {%- set against = "'" ~ (check.against or '') ~ "'" -%}
    {{ return({
        'fkDomain': ('used.concept_id != 0 and concepts.domain_id is distinct from ' ~ against, 'true'),
        'fkClass': ('used.concept_id != 0 and concepts.concept_class_id is distinct from ' ~ against, 'true'),
        'isStandardValidConcept': (
            "used.concept_id != 0 and (concepts.standard_concept is distinct from 'S' or concepts.invalid_reason is not null)",
            'true'
        ),
        'isForeignKeyOfConcept': ('concepts.concept_id is null', 'true'),
        'standardConceptRecordCompleteness': ('used.concept_id = 0', 'true'),
        'sourceConceptRecordCompleteness': ('used.concept_id = 0', 'true'),
    }.get(check.check_name)) }}
{%- endmacro %}

{#- Check types that look at the table as a whole. -#}
{% macro quality_of_table(check, columns, relation) -%}
    {%- set kinds = {} -%}
    {%- for column in columns -%} {%- do kinds.update({column.name: column.dtype | lower}) -%} {%- endfor -%}
    {%- set field = check.cdm_field -%}
    {%- set wanted = (check.against or '').split(';') -%}
    {%- if check.check_name == 'cdmTable' -%}
        {{ return(('0' if columns else '1', '1')) }}
    {%- elif check.check_name == 'cdmField' -%}
        {{ return(('0' if field in kinds else '1', '1')) }}
    {%- elif check.check_name == 'cdmDatatype' -%}
        {{ return(('0' if kinds.get(field) in wanted else 'count(*)', 'count(*)')) }}
    {%- elif check.check_name == 'isPrimaryKey' -%}
        {{ return(('count(*) - count(distinct facts.' ~ field ~ ')', 'count(*)')) }}
    {%- elif check.check_name == 'measurePersonCompleteness' -%}
        {{ return((
            '(select count(*) from persons where person_id not in (select person_id from ' ~ relation ~ '))',
            '(select count(*) from persons)'
        )) }}
    {%- elif check.check_name == 'measureConditionEraCompleteness' -%}
        {%- set with_conditions = '(select count(distinct person_id) from '
            ~ ref('condition_occurrence') ~ ' where condition_concept_id != 0' -%}
        {{ return((
            with_conditions ~ ' and person_id not in (select person_id from ' ~ relation ~ '))', with_conditions ~ ')'
        )) }}
    {%- elif check.check_name == 'sourceValueCompleteness' -%}
        {{ return((
            'count(distinct facts.' ~ field ~ ') - count(distinct facts.' ~ field ~ ') filter (where facts.'
            ~ check.against ~ ' != 0)', 'count(distinct facts.' ~ field ~ ')'
        )) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{#-
    What a check is of, and its two numbers: of the table as a `whole` over `facts`, of a `concept` over `used` and the
    vocabulary, of a `row` over `facts`. `0, 0` for a column that is not there, which cdmField reports.
-#}
{% macro quality_numbers(check, columns, relation) -%}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set whole = quality_of_table(check, columns, relation) -%}
    {%- set is_absent = check.cdm_field is not none and check.cdm_field not in names -%}
    {%- if is_absent and check.check_name not in ('cdmField', 'cdmTable') -%}
        {{ return(('whole', ('0', '0'))) }}
    {%- endif -%}
    {%- if whole -%} {{ return(('whole', whole)) }} {%- endif -%}
    {%- set kind = check.check_name ~ ('OfConcept' if check.check_name == 'isForeignKey' and check.against == 'concept' else '') -%}
    {%- set of_concept = quality_of_concept(check) if kind == check.check_name else
        ('concepts.concept_id is null', 'true') -%}
    {%- if of_concept -%}
        {%- set field = "used.field = '" ~ check.cdm_field ~ "'" -%}
        {%- set counted = 'coalesce(sum(used.n) filter (where ' ~ field -%}
        {{ return(('concept', (counted ~ ' and (' ~ of_concept[0] ~ ')), 0)', counted ~ '), 0)'))) }}
    {%- endif -%}
    {%- set of_row = quality_of_row(check) -%}
    {%- if not of_row -%}
        {%- do exceptions.raise_compiler_error('seeds/quality_checks.csv: no check is called ' ~ check.check_name) -%}
    {%- endif -%}
    {{ return(('row', (
        'count(*) filter (where (' ~ of_row[1] ~ ') and (' ~ of_row[0] ~ '))', 'count(*) filter (where ' ~ of_row[1] ~ ')'
    ))) }}
{%- endmacro %}
