"""A safe_harbor site: what dbt is told of it, which use cases it refuses, and what stays out of what is published."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from ml.usecases import PersonDates, load_declaration
from orchestration.settings import Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.sites.deidentification import Deidentification, Standard
from orchestration.steps.intake import deidentification
from orchestration.steps.intake.deidentification import (
    DatesAreShifted,
    ages_as_of,
    deidentification_digest,
    deidentified_sites,
    gives_dates_for,
    require_dates,
)
from orchestration.steps.intake.keys import KEY_BYTES, KeyFileError
from orchestration.steps.learning import backtest
from orchestration.steps.releases import release
from orchestration.steps.warehouse.tables import (
    _export,  # pyright: ignore[reportPrivateUsage] - a snapshot of all tables takes a warehouse of all tables
    dbt_variables,
    table_inputs,
)

TODAY = date(2026, 11, 27)
DAY = datetime(2026, 2, 1, tzinfo=UTC)
DECIDED = Deidentification(
    standard=Standard.SAFE_HARBOR, owner="privacy officer", rationale="given to researchers", date=TODAY
)


@pytest.fixture
def city(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The city hospital, had it asked for Safe Harbor; every other site as it is."""
    changed = {"deidentification": DECIDED, "reproducible_pseudonyms": False}
    place = load_site("city").model_copy(update=changed)
    for module in (deidentification, release):
        monkeypatch.setattr(module, "load_site", lambda site: place if site == "city" else load_site(site))
    yield place


def test_nobody_turns_90_between_two_builds_of_a_year() -> None:
    assert ages_as_of(date(2026, 1, 1)) == ages_as_of(date(2026, 12, 31)) == date(2026, 12, 31)
    assert ages_as_of(date(2027, 1, 1)) == date(2027, 12, 31)


def test_dbt_is_told_the_file_of_a_random_private_key_and_never_the_key(settings: Settings, city: Site) -> None:
    told = deidentified_sites(settings, TODAY)
    file = settings.keys / "city.dates.v1.key"
    assert told == {"city": {"key": str(file), "ages_as_of": "2026-12-31"}}
    assert file.stat().st_mode & 0o777 == 0o600 and len(file.read_bytes()) == KEY_BYTES
    variables = dbt_variables(settings)
    assert json.loads(variables)["deidentified"] == told and file.read_bytes().hex() not in variables
    assert dbt_variables(settings) == variables


def test_another_key_year_or_standard_has_everything_built_anew(settings: Settings, city: Site) -> None:
    file = settings.keys / "city.dates.v1.key"
    first = deidentification_digest(settings, TODAY)
    assert first == deidentification_digest(settings, TODAY) == table_inputs(settings)["deidentification"]
    assert first != deidentification_digest(settings, date(2027, 1, 1))
    file.write_bytes(bytes(KEY_BYTES))
    assert first != deidentification_digest(settings, TODAY)
    file.write_bytes(b"cut")
    with pytest.raises(KeyFileError, match="holds 3 bytes"):
        deidentified_sites(settings, TODAY)


def test_without_such_a_site_nothing_is_told_and_no_key_is_made(settings: Settings) -> None:
    assert deidentified_sites(settings, TODAY) == {}
    assert deidentification_digest(settings, TODAY) == "none" and not list(settings.home.glob("keys/*.dates.*"))


@pytest.mark.parametrize("use_case", ["appointments", "demand", "staffing", "triage"])
def test_what_needs_true_dates_is_refused_there_and_nowhere_else(city: Site, use_case: str) -> None:
    declared = load_declaration(use_case)
    assert declared.person_dates.rationale and not gives_dates_for(declared, city.id)
    require_dates(declared, "rural")
    with pytest.raises(DatesAreShifted, match=rf"{use_case} needs people's true dates.*city publishes.*limited_data"):
        require_dates(declared, city.id)


@pytest.mark.parametrize("needs", ["intervals", "none"])
def test_what_needs_no_true_dates_goes_on_there(city: Site, needs: str) -> None:
    declared = load_declaration("triage")
    require_dates(declared.model_copy(update={"person_dates": PersonDates(needs=needs)}), city.id)


def test_a_use_case_that_does_not_say_is_taken_to_need_true_dates() -> None:
    assert PersonDates().needs == "calendar"


def test_what_is_in_true_time_is_not_in_a_snapshot_of_such_a_site(
    settings: Settings, city: Site, tmp_path: Path
) -> None:
    with duckdb.connect() as db:
        db.execute("create schema marts; create table marts.staffing_stay as select unnest(['city', 'rural']) as site")
        db.execute("create table marts.triage_mart as from marts.staffing_stay")
        for name, rows in (("staffing_stay", 1), ("triage_mart", 2)):
            assert _export(db, name, tmp_path / f"{name}.parquet") == rows
        assert db.execute(f"from '{tmp_path / 'staffing_stay.parquet'}'").fetchall() == [("rural",)]


def test_a_backtest_and_a_promotion_are_refused_before_anything_is_read(settings: Settings, city: Site) -> None:
    with pytest.raises(DatesAreShifted):
        backtest.backtest_any(settings, "triage", "city", DAY, DAY, 7)
    with pytest.raises(DatesAreShifted):
        release.promote_release(settings, "triage", "city", "shadow", release.Actor("jo.doe", None))


def test_the_audit_says_by_which_standard_people_are_de_identified() -> None:
    assert all("limited data set" in load_site(site).deidentification.standard.says for site in list_sites())
    assert "shifted" in DECIDED.standard.says and "lake" in DECIDED.standard.says
