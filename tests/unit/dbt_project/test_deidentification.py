"""The macros by which dates, ages and keys of people are published at safe_harbor sites, each on its own in DuckDB."""

import hashlib
import hmac
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.unit.dbt_project.macros_of import rendered

KEY = bytes(range(32))
PEOPLE = 4000
WEEKS = 52
TOLD = datetime(2026, 5, 4, 13, 45, tzinfo=UTC)


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "here.key").write_bytes(KEY)
    (folder / "there.key").write_bytes(KEY[::-1])
    return {site: {"key": str(folder / f"{site}.key"), "ages_as_of": "2026-12-31"} for site in ("here", "there")}


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def shifts(db: duckdb.DuckDBPyConnection, terms: dict[str, dict[str, str]], site: str, people: range) -> dict[int, int]:
    sql = rendered("{{ shift_days('site', 'person_id') }}", deidentified=terms)
    numbers = f"select '{site}' as site, unnest(range({people.start}, {people.stop})) as person_id"
    return dict(db.execute(f"select person_id, {sql} from ({numbers})").fetchall())


def test_a_keyed_digest_is_the_hmac_of_the_standard_and_no_statement_holds_the_key(db, terms) -> None:
    sql = rendered("{{ keyed_digest('site', 'said') }}", deidentified=terms)
    assert KEY.hex() not in sql.lower() and repr(KEY) not in sql
    rows = db.execute(f"select site, said, {sql} from (values ('here', 'ä|1'), ('elsewhere', 'x')) as t(site, said)")
    assert rows.fetchall() == [
        ("here", "ä|1", hmac.new(KEY, "ä|1".encode(), hashlib.sha256).hexdigest()),
        ("elsewhere", "x", None),
    ]


def test_a_shift_is_of_whole_weeks_never_none_and_bounded_and_every_one_occurs(db, terms) -> None:
    found = set(shifts(db, terms, "here", range(PEOPLE)).values())
    assert found == {7 * week for week in range(1, WEEKS + 1)}


def test_a_shift_is_the_persons_whoever_is_asked_with_them_and_another_under_another_key(db, terms) -> None:
    alone = shifts(db, terms, "here", range(17, 18))
    assert alone[17] == shifts(db, terms, "here", range(PEOPLE))[17]
    here, there = (shifts(db, terms, site, range(PEOPLE)) for site in ("here", "there"))
    assert sum(here[one] == there[one] for one in here) < PEOPLE / WEEKS * 2


def test_without_its_key_nobody_has_a_shift(db, terms) -> None:
    gone = {"here": terms["here"] | {"key": "/nowhere/here.key"}}
    assert shifts(db, gone, "here", range(2)) == {0: None, 1: None}


Life = tuple[date | None, date | None, list[datetime | None]]


def published(
    db: duckdb.DuckDBPyConnection, terms: dict[str, dict[str, str]], *lives: Life, zone: str = "UTC"
) -> list[tuple[Any, ...]]:
    """Return the published times of people (birth, death, times), each with the person's shift, floor and birth."""
    here = {"here": zone}
    model = Path(__file__).resolve().parents[3] / "dbt_project/models/intermediate/conformed/int_person_dates.sql"
    dates = rendered(
        model.read_text().replace("{{ config(materialized = 'ephemeral') }}", ""), deidentified=terms, timezones=here
    )
    sql = rendered("{{ published('events', ['happened_at']) }}", deidentified=terms, timezones=here)
    db.execute("create or replace temp table int_person (person_id bigint, site varchar, birth_date date)")
    db.execute("create or replace temp table int_death (person_id bigint, died_at timestamptz)")
    db.execute("create or replace temp table events (site varchar, person_id bigint, happened_at timestamptz, n int)")
    for person, (born, died, times) in enumerate(lives):
        db.execute("insert into int_person values (?, 'here', ?)", [person, born])
        db.execute("insert into int_death select ?, ?::date where ? is not null", [person, died, died])
        db.execute(
            "insert into events select 'here', ?, unnest(?::timestamptz[]), unnest(range(?))",
            [person, times, len(times)],
        )
    return db.execute(
        f"with int_person_dates as materialized ({dates}) "
        "select one.happened_at, persons.shift_days, persons.earliest_date, persons.birth_date, persons.is_aggregated "
        f"from ({sql}) as one inner join int_person_dates as persons using (person_id) order by one.person_id, one.n"
    ).fetchall()


def test_order_and_span_inside_a_person_weekday_and_hour_are_kept_and_nothing_lies_in_the_future(db, terms) -> None:
    chance = random.Random(5)
    first = datetime(1990, 1, 1, tzinfo=UTC)
    lives: list[Life] = [
        (date(1960, 2, 29), None, [first + timedelta(seconds=chance.randrange(1_150_000_000)) for _ in range(3)])
        for _ in range(200)
    ]
    rows = published(db, terms, *lives)
    true = [time for *_, times in lives for time in times]
    assert len(rows) == len(true)
    for (told, days, *_), time in zip(rows, true, strict=True):
        assert time - told == timedelta(days=days) and told < time
        assert (told.weekday(), told.time()) == (time.weekday(), time.time())
    for n in range(0, len(rows), 3):
        assert len({days for _, days, *_ in rows[n : n + 3]}) == 1, "one person, one shift: spans are what they were"


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Pacific/Auckland"])
def test_the_sites_day_goes_back_by_whole_weeks_and_its_clock_does_not_tell_whether_the_true_day_had_summer_time(
    db, terms, zone: str
) -> None:
    place, chance = ZoneInfo(zone), random.Random(6)
    days = [date(2025, 1, 1) + timedelta(days=chance.randrange(360)) for _ in range(100)]
    clocks = [clock(0), clock(3, 30), clock(23, 30)]
    lives: list[Life] = [(None, None, [datetime.combine(day, at, place) for at in clocks]) for day in days]
    rows = published(db, terms, *lives, zone=zone)
    seasons = 0
    for n, (told, shift, *_) in enumerate(rows):
        there, true = told.astimezone(place), lives[n // 3][2][n % 3]
        assert true is not None
        assert (there.date(), there.time()) == (true.date() - timedelta(days=shift), true.time())
        seasons += there.utcoffset() != true.utcoffset()
    assert seasons > 30, "many shifts cross the change of the clocks"


def test_a_time_that_is_not_known_stays_so_and_one_of_nobody_known_is_none(db, terms) -> None:
    assert published(db, terms, (date(1960, 1, 1), None, [None, TOLD]))[0][0] is None
    sql = rendered("{{ published('events', ['happened_at']) }}", deidentified=terms)
    nobody = "select 1 as person_id, 7 as shift_days, date '1936-01-01' as earliest_date where false"
    events = (
        f"select site, 9 as person_id, timestamptz '{TOLD}' as happened_at from (values ('here'), ('open')) as t(site)"
    )
    told = db.execute(f"with int_person_dates as ({nobody}), events as ({events}) {sql}").fetchall()
    assert {site: at for site, _, at in told} == {"here": None, "open": TOLD}


@pytest.mark.parametrize(
    ("born", "died", "floor", "is_aggregated"),
    [
        (date(1980, 6, 1), None, 1936, False),
        (date(1939, 1, 1), None, 1936, False),
        (date(1936, 12, 31), None, 1936, True),  # turns 90 on the day as of which ages are told
        (date(1901, 3, 3), None, 1936, True),
        (date(1905, 3, 3), date(1980, 5, 5), None, False),  # died at 75: the year tells no age over 89
        (date(1905, 3, 3), date(2001, 5, 5), None, True),  # died at 96
    ],
)
def test_whoever_is_over_89_at_the_end_is_of_90_and_the_year_of_birth_says_no_more(
    db, terms, born: date, died: date | None, floor: int | None, is_aggregated: bool
) -> None:
    [(_, days, earliest, told, found)] = published(db, terms, (born, died, [TOLD]))
    last = died - timedelta(days=days) if died else date(2026, 12, 31)
    assert earliest == date(floor or last.year - 90, 1, 1) == date(last.year - 90, 1, 1)
    assert found is is_aggregated
    assert told == (earliest if is_aggregated else born - timedelta(days=days))
    assert last.year - told.year <= 90


def test_no_date_tells_that_somebody_was_alive_more_than_90_years_ago(db, terms) -> None:
    early = datetime(1931, 4, 5, 6, 7, tzinfo=UTC)
    [(at, _, earliest, *_), (later, *_)] = published(db, terms, (date(1920, 1, 1), None, [early, TOLD]))
    assert at == datetime(1936, 1, 1, tzinfo=UTC) and earliest == at.date() and later < TOLD


@pytest.mark.parametrize(
    ("born", "age"), [("1936-01-01", 90), ("1900-01-01", None), ("1920-01-01", 90), ("1950-01-01", 76)]
)
def test_an_age_is_at_most_90_and_an_impossible_one_not_known(db, born: str, age: int | None) -> None:
    sql = rendered("{{ published_age(\"date '" + born + "'\", \"timestamp '2026-05-04 13:00'\") }}")
    assert db.execute(f"select {sql}").fetchall() == [(age,)]


@pytest.mark.parametrize(
    ("code", "number", "unit", "text", "told"),
    [
        ("age", None, None, "104 years", None),
        ("age", None, None, "45 years", None),  # words are not read: nobody's age is told in them
        ("age", 89.0, None, "89", "89"),
        ("age", 89.5, "a", "89 1/2", "89 1/2"),
        ("age", 91.0, None, "91", None),
        ("age", 1080.0, "mo", "1080", "1080"),
        ("age", 1081.0, "mo", "1081", None),
        ("note", None, None, "104 steps", "104 steps"),
        (None, None, None, "104", "104"),
    ],
)
def test_an_age_in_words_or_over_89_is_told_in_no_text(db, code, number, unit, text, told) -> None:
    sql = rendered("{{ published_text('said', 'value_text') }}")
    rows = "select ?::varchar as code, ?::double as value_number, ?::varchar as unit_code, ?::varchar as value_text"
    asked = f"with age_codes as (select 'age' as code), said as ({rows}) select {sql} from said"
    assert db.execute(asked, [code, number, unit, text]).fetchall() == [(told,)]


def test_a_time_in_a_key_cannot_be_tried_out_and_is_itself_where_dates_are_not_shifted(db, terms) -> None:
    assert rendered("{{ time_in_key('site', 'moment') }}") == "moment"
    sql = rendered("{{ time_in_key('site', 'moment') }}", deidentified=terms)
    query = f"select {sql} from (values ('here', 5), ('open', 5)) as t(site, moment)"
    assert [key for (key,) in db.execute(query).fetchall()] == [
        hmac.new(KEY, b"5", hashlib.sha256).hexdigest(),
        "5",
    ]


def test_where_no_site_asks_for_it_no_sql_is_other_than_before() -> None:
    assert rendered("{{ published('events', ['at'], more = {'age': 'x'}) }}") == "select * from events"


def test_everybody_lives_at_a_location_that_there_is_and_the_same_digits_elsewhere_are_another(db) -> None:
    homes = [("a", "KS", "668"), ("a", "KS", None), ("a", None, None), ("a", "MO", "668"), ("b", "KS", "668")]
    db.execute("create or replace temp table int_person_state (site varchar, state varchar, zip3 varchar)")
    db.executemany("insert into int_person_state values (?, ?, ?)", homes)
    model = Path(__file__).resolve().parents[3] / "dbt_project/models/intermediate/conformed/int_location.sql"
    locations = db.execute(rendered(model.read_text())).fetchall()
    theirs = rendered("{{ person_location_id('site', 'state', 'zip3') }}")
    lived = {home for (home,) in db.execute(f"select {theirs} from int_person_state").fetchall()}
    assert len(lived) == len(homes) and lived <= {home for *_, home in locations}
    assert sorted((site, state or "", digits or "") for site, state, digits, _ in locations) == sorted(
        [("a", "", ""), ("b", "", ""), *((site, state, digits or "") for site, state, digits in homes if state)]
    )
