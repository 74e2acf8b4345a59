"""A roster's shift that a charge nurse changes in Chromium in two clicks is in the feedback mart and on the ledger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ml.serving.background import running
from ml.serving.config import SiteContext
from orchestration.settings import Settings
from orchestration.steps.intake.landing import land_days
from orchestration.steps.record.records import open_records
from orchestration.steps.watching.monitoring import collect_events, record_adjustments
from tests.integration.tables.conftest import build
from tests.unit.ml.serving.homes import KEY
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.rostered import PLACE, TODAY, UNIT, Rostered, publish_tables

pytestmark = pytest.mark.browser
MART = "select use_case, unit, target, wanted - advised as more, reason_code, is_last from marts.board_adjustment"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    return settings_of(tmp_path / "home")


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """A running service with the board of a unit whose roster is released for people to see."""
    rural = Rostered.at(settings)
    rural.staffing_says(3.0)
    rural.plan()
    context = SiteContext(PLACE.timezone, KEY, PLACE.name, {UNIT: "High dependency"})
    config = rural.home.config(sites={PLACE.id: context}, planned=("roster",), events_url=settings.events_url)
    with running(config) as port:
        yield f"http://127.0.0.1:{port}/board/{PLACE.id}/{UNIT}"


def two_clicks(address: str, chromium: str) -> str:
    """Ask for one more nurse on the first shift, since a patient was admitted; returns what the board says then."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(address)
        first = page.locator("article").first
        first.get_by_text("One more").first.click()
        first.get_by_role("button", name="A late admission").first.click()
        page.wait_for_load_state()
        said = page.locator("article").first.inner_text()
        browser.close()
    return said


def test_two_clicks_on_a_rosters_shift_reach_mart_and_ledger_once(
    settings: Settings, address: str, chromium: str
) -> None:
    assert "set by a person: a late admission" in two_clicks(address, chromium)
    assert collect_events(settings, TODAY)[PLACE.id] >= 1
    assert land_days(settings, PLACE.id, [TODAY])["board_adjustments"].counts["landed"] == 1
    (settings.home / "tables").mkdir()
    built = build(settings.home, "tables", "--select", "+board_adjustment", verb="run")
    assert built.returncode == 0, built.stdout[-3000:]
    with duckdb.connect(str(settings.home / "tables" / "warehouse.duckdb"), read_only=True) as reader:
        [(use_case, unit, target, more, reason, is_last)] = reader.sql(MART).fetchall()
        mart = reader.sql("select * from marts.board_adjustment").to_arrow_table()
    assert (use_case, unit, target, reason, is_last) == ("roster", UNIT, "rn", "late-admission", True)
    assert more == 1
    publish_tables(settings, {"board_adjustment": mart})
    assert [record_adjustments(settings, "roster", PLACE.id) for _ in range(2)] == [1, 0]
    [entry] = open_records(settings).entries(kinds=("adjustment",), use_case="roster", site=PLACE.id)
    told: dict[str, Any] = dict(entry.payload)
    assert (told["unit"], told["target"], told["reason"], told["role"]) == (
        UNIT,
        "rn",
        "late-admission",
        "charge_nurse",
    )
    assert told["value"] - told["advised"] == 1
