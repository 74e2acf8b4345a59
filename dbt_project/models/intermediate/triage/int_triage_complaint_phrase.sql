with

vocabulary as (
    select
        kind,
        "group",
        string_split(pattern, ' ') as pattern_words
    from {{ ref('complaint_groups') }}
    where kind != 'code'
),

-- A number is not counted: landing takes some out of the text, as it does names.
known as (
    select distinct word
    from (select unnest(pattern_words) as word from vocabulary) as spelt
    where not regexp_matches(word, '[0-9]')
),

texts as (
    select distinct value_text
    from {{ ref('int_triage_reading') }}
    where feature = 'complaint' and regexp_matches(value_text, '\S')
),

clauses as (
    select
        value_text,
        unnest({{ clauses_of('value_text') }}) as clause,
        generate_subscripts({{ clauses_of('value_text') }}, 1) as clause_number
    from texts
),

split_up as (
    select
        value_text,
        clause_number,
        unnest(string_split({{ normalised_text('clause') }}, ' ')) as word,
        generate_subscripts(string_split({{ normalised_text('clause') }}, ' '), 1) as position
    from clauses
),

words as (
    select
        split_up.*,
        known.word is not null as is_known,
        row_number() over running as place,
        coalesce(lag(known.word is not null) over running, true) as was_known
    from split_up
    left join known on split_up.word = known.word
    where split_up.word != ''
    window running as (partition by split_up.value_text order by split_up.clause_number, split_up.position)
),

stepped as (
    select
        *,
        sum(cast(is_known or was_known as integer)) over (partition by value_text order by place) as step
    from words
),

whole as (
    select
        value_text,
        list(word order by place) as all_words
    from stepped
    group by value_text
),

found as (
    select
        stepped.value_text,
        vocabulary.kind,
        vocabulary.group,
        stepped.place as first_place,
        stepped.place + len(vocabulary.pattern_words) - 1 as last_place
    from stepped
    inner join whole on stepped.value_text = whole.value_text
    inner join vocabulary
        on
            stepped.word = vocabulary.pattern_words[1]
            and vocabulary.pattern_words
            = whole.all_words[stepped.place:stepped.place + len(vocabulary.pattern_words) - 1]
),

final as (
    select
        found.*,
        firsts.clause_number as first_clause,
        lasts.clause_number as last_clause,
        firsts.step as first_step,
        lasts.step as last_step
    from found
    inner join stepped as firsts
        on found.value_text = firsts.value_text and found.first_place = firsts.place
    inner join stepped as lasts
        on found.value_text = lasts.value_text and found.last_place = lasts.place
)

select * from final
