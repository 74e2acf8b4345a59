"""Where training ends, what a candidate is made from, and who made it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pyarrow as pa
import pytest

from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.steps.learning import candidate
from orchestration.steps.learning.candidate import (
    MINIMUM_VISITS,
    NotEnoughVisits,
    candidate_is_fresh,
    code_version,
    cutoff,
    list_use_cases,
    person_id,
    site_rows_digest,
    use_case_of,
)

CITY = load_site("city")  # New York
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def mart(arrivals: Sequence[datetime], site: str = "city", known: Sequence[datetime] | None = None) -> pa.Table:
    return pa.table(
        {
            "visit_occurrence_id": pa.array(range(len(arrivals)), pa.int64()),
            "site": [site] * len(arrivals),
            "arrived_at": pa.array(arrivals, pa.timestamp("us", tz="UTC")),
            "known_at": pa.array(known or arrivals, pa.timestamp("us", tz="UTC")),
        }
    )


def spread(first: datetime, last: datetime, count: int = MINIMUM_VISITS) -> list[datetime]:
    return [first, *[first] * (count - 2), last]


def local_midnight(day: date, site: Site = CITY) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=site.zone)


def test_testing_begins_at_the_local_midnight_after_seven_tenths_of_the_time() -> None:
    found = cutoff(mart(spread(START, START + timedelta(days=10))), CITY)
    assert found == local_midnight(date(2026, 1, 9))  # seven days after noon of the first is noon of the eighth


def test_the_day_is_the_sites_and_not_that_of_utc() -> None:
    """Seven tenths of ten days after 03:00 UTC is still the evening before in New York."""
    first = datetime(2026, 1, 1, 3, tzinfo=UTC)
    found = cutoff(mart(spread(first, first + timedelta(days=10))), CITY)
    assert found == local_midnight(date(2026, 1, 8))
    assert found.astimezone(UTC).hour == 5


@pytest.mark.parametrize(("second", "day"), [(-1, 8), (0, 9), (1, 9)])
def test_a_split_at_a_local_midnight_itself_begins_the_next_day(second: int, day: int) -> None:
    first = local_midnight(date(2026, 1, 1)).astimezone(UTC) + timedelta(seconds=second)
    found = cutoff(mart(spread(first, first + timedelta(days=10))), CITY)
    assert found == local_midnight(date(2026, 1, day))


def test_it_is_midnight_too_where_the_clocks_change_in_between() -> None:
    first = datetime(2026, 3, 1, 12, tzinfo=UTC)  # the clocks go forward on the eighth
    found = cutoff(mart(spread(first, first + timedelta(days=20))), CITY)
    assert (found.hour, found.minute, found.date()) == (0, 0, date(2026, 3, 16))
    assert found.utcoffset() == timedelta(hours=-4)


def test_what_is_booked_for_after_the_last_record_does_not_move_the_split() -> None:
    arrivals = [*spread(START, START + timedelta(days=10)), START + timedelta(days=90)]
    known = [*arrivals[:-1], START + timedelta(days=9)]
    assert cutoff(mart(arrivals, known=known), CITY) == cutoff(mart(arrivals[:-1]), CITY)


def test_a_site_that_names_its_own_day_is_split_there_however_few_visits_it_has() -> None:
    survey = load_site("nhamcs")
    assert survey.holdout_from == date(2020, 1, 1)
    assert cutoff(mart([]), survey) == local_midnight(date(2020, 1, 1), survey)


def test_too_few_visits_are_refused_with_their_number() -> None:
    just_enough = spread(START, START + timedelta(days=10))
    assert cutoff(mart(just_enough), CITY)
    with pytest.raises(NotEnoughVisits, match=f"city has {MINIMUM_VISITS - 1} visits"):
        cutoff(mart(just_enough[1:]), CITY)
    with pytest.raises(NotEnoughVisits, match="rural has 0 visits"):
        cutoff(mart(just_enough), load_site("rural"))


def test_other_sites_rows_and_the_order_of_rows_do_not_make_a_candidate_stale() -> None:
    rows = mart([START, START + timedelta(hours=1)])
    elsewhere = mart([START + timedelta(days=3)], site="district")
    digest = site_rows_digest(rows, "city")
    assert site_rows_digest(pa.concat_tables([elsewhere, rows]), "city") == digest
    assert site_rows_digest(rows.take([1, 0]), "city") == digest
    assert site_rows_digest(pa.concat_tables([rows.slice(0, 1), rows.slice(1)]), "city") == digest


def test_a_changed_value_a_new_row_and_a_new_column_are_other_data() -> None:
    rows = mart([START, START + timedelta(hours=1)])
    others = (
        mart([START, START + timedelta(hours=2)]),
        mart([START, START + timedelta(hours=1), START]),
        rows.append_column("heart_rate", pa.array([80.0, None])),
    )
    assert len({site_rows_digest(one, "city") for one in (rows, *others)}) == 4


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("Ada Lovelace", "ada.lovelace"),
        ("Pilothouse modelling team", "pilothouse.modelling.team"),
        ("  Dr. J.-P. O'Neil  ", "dr.j.p.o.neil"),
        ("ada.lovelace", "ada.lovelace"),
    ],
)
def test_a_person_is_written_as_the_ledger_writes_people(name: str, person: str) -> None:
    assert person_id(name) == person


def test_a_person_is_not_written_as_another_because_of_an_accent() -> None:
    """The author may not approve; so the author's name must survive being written down."""
    assert person_id("Åsa Nå") != person_id("Sa N")


def test_nothing_is_fresh_before_there_is_a_candidate(settings: Settings) -> None:
    assert not candidate_is_fresh(settings, "triage", "city")


def test_use_cases_are_listed_and_the_code_has_a_version() -> None:
    assert "triage" in list_use_cases()
    assert code_version()


@pytest.mark.parametrize(
    ("count", "events", "unknown", "said"),
    [
        (MINIMUM_VISITS - 1, 50, 0, "499 eligible appointments"),
        (MINIMUM_VISITS, 0, MINIMUM_VISITS, "0 appointments with no_show among 0 whose outcome is known"),
        (MINIMUM_VISITS, 19, 0, "19 appointments with no_show among 500"),
        (MINIMUM_VISITS, MINIMUM_VISITS - 19, 0, "481 appointments with no_show among 500"),
        (MINIMUM_VISITS, 20, 0, ""),
    ],
)
def test_a_site_lacks_rows_or_outcomes_that_are_known_and_is_told_which(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, count: int, events: int, unknown: int, said: str
) -> None:
    labels = [None] * unknown + [True] * events + [False] * (count - unknown - events)
    table = mart(spread(START, START + timedelta(days=10), count))
    table = table.append_column("no_show", pa.array(labels, pa.bool_()))
    table = table.append_column("is_eligible", pa.array([True] * count))
    monkeypatch.setattr(candidate, "read_snapshot", lambda *_: SimpleNamespace(mart=table))
    found = candidate.why_not_trainable(settings, "appointments", "city")
    assert said in found and bool(said) is bool(found)
    assert candidate.trainable_sites(settings, "appointments", "city") == ([] if said else ["city"])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (["triage", "triage"], "triage"),
        (["triage", "appointments"], None),
        (["landing"], None),
        ([], None),
    ],
)
def test_a_run_is_of_the_use_case_that_it_made_assets_of_alone(made: list[str], expected: str | None) -> None:
    assert use_case_of(made) == expected
