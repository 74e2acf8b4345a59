"""A safe_harbor site: what dbt is told of it, which use cases it refuses, and what stays out of what is published."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from ml.usecases import load_declaration
from orchestration.settings import Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.sites.deidentification import Deidentification, Standard
from orchestration.steps import backtest, deidentification, release
from orchestration.steps.deidentification import (
    DatesAreShifted,
    ages_as_of,
    deidentification_digest,
    deidentified_sites,
    gives_dates_for,
    require_dates,
)
from orchestration.steps.keys import KEY_BYTES, KeyFileError
from orchestration.steps.tables import dbt_variables, table_inputs

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
    for module in (deidentification, backtest, release):
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


def test_what_needs_true_dates_is_refused_there_and_what_needs_none_is_not(city: Site) -> None:
    triage, staffing = load_declaration("triage"), load_declaration("staffing")
    assert not gives_dates_for(triage, "city") and gives_dates_for(triage, "rural")
    assert gives_dates_for(staffing, "city")
    require_dates(staffing, city)
    require_dates(triage, load_site("rural"))
    with pytest.raises(DatesAreShifted, match=r"triage needs people's true dates.*city publishes.*limited_data_set"):
        require_dates(triage, city)


def test_a_backtest_and_a_promotion_are_refused_before_anything_is_read(settings: Settings, city: Site) -> None:
    with pytest.raises(DatesAreShifted):
        backtest.backtest_any(settings, "triage", "city", DAY, DAY, 7)
    with pytest.raises(DatesAreShifted):
        release.promote_release(settings, "triage", "city", "shadow", release.Actor("jo.doe", None))


@pytest.mark.parametrize("use_case", ["triage", "staffing"])
def test_every_use_case_says_what_it_needs_of_peoples_dates_and_why(use_case: str) -> None:
    assert load_declaration(use_case).person_dates.rationale


def test_the_audit_says_by_which_standard_people_are_de_identified() -> None:
    assert all("limited data set" in load_site(site).deidentification.standard.says for site in list_sites())
    assert "shifted" in DECIDED.standard.says and "lake" in DECIDED.standard.says
