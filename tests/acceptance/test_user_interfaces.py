"""All user interfaces over the demo's home, as `pilothouse ui` starts them, seen through headless Chromium."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest
from playwright.sync_api import expect, sync_playwright

from ml.registry.stages import Tier
from orchestration.settings import load_settings
from orchestration.steps.intake.landing import land_days
from orchestration.steps.planning.plans import make_plan
from orchestration.steps.present import own_clock
from orchestration.steps.watching.monitoring import collect_events, record_adjustments
from tests.acceptance.conftest import Home
from tests.integration.tables.conftest import build
from tests.unit.orchestration.steps.rostered import publish_tables

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]

NOT_SHOWN = ("raw", "lake", "drops", "incoming", "truth", "warehouse.duckdb", "snapshots", "logs")
GROUPS = ("landing", "tables", "candidates", "evidence", "releases", "plans", "monitoring")
START_SECONDS, WAIT_MS = 180, 30_000
WIDTHS = (1280, 390)
SKILL_MIX = "Skill mix of those on duty"
ALL_NODES = 6000
"""Pixels: a graph draws only the nodes that lie within its window; this holds those of every use case."""


@dataclass
class UserInterfaces:
    """What `pilothouse ui` runs: its process, the home, the addresses it told, the process groups it started."""

    process: subprocess.Popen
    home: Home
    told: list[str] = field(default_factory=list)

    def address(self, name):
        line = next(line for line in self.told if line.startswith(name))
        return re.search(r"http://127\.0\.0\.1:\d+", line).group()

    def groups(self):
        listed = subprocess.run(["ps", "-eo", "ppid=,pgid="], capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in listed.splitlines()]
        return {int(group) for parent, group in rows if int(parent) == self.process.pid}


@pytest.fixture(scope="module")
def ui(demo, chromium, tmp_path_factory):
    """`pilothouse ui` over a copy of the demo's home: what a person changes there, no other test sees."""
    home = tmp_path_factory.mktemp("ui") / "home"
    shutil.copytree(demo.path, home, ignore=shutil.ignore_patterns(*NOT_SHOWN))
    told = home.parent / "told"
    environment = {**os.environ, "PILOTHOUSE_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [Path(sys.executable).with_name("pilothouse"), "ui"]
    with told.open("w") as stream:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stream, env=environment)
    started = UserInterfaces(process, Home(home))
    try:
        deadline = time.monotonic() + START_SECONDS
        while "Stop with Ctrl-C." not in started.told:
            assert process.poll() is None and time.monotonic() < deadline, told.read_text()
            time.sleep(0.2)
            started.told = told.read_text().splitlines()
        yield started
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def browser(ui, chromium):
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def look(browser):
    """Open a page of some width; at the end nothing may have asked for anything beyond this machine."""
    asked, opened = [], []

    def open_page(url, width=1280, height=900):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(WAIT_MS)
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        opened.append(page)
        page.goto(url)
        return page

    yield open_page
    for page in opened:
        page.close()
    assert {urlsplit(url).hostname for url in asked if url.startswith(("http", "ws"))} <= {"127.0.0.1"}


def seen(page, text):
    expect(page.get_by_text(text).first).to_be_visible(timeout=WAIT_MS)


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_every_address_is_told_once_it_answers(ui):
    assert tuple(line.split()[0] for line in ui.told[1:4]) in permutations(("Dagster", "MLflow", "Service"))
    assert any(re.fullmatch(r"Board +http://127\.0\.0\.1:\d+/board/city/ED", line) for line in ui.told)
    assert any(line.startswith("Reports") and line.endswith("/reports/") for line in ui.told)
    assert not any("not ready" in line for line in ui.told)


def test_the_graph_shows_every_stage_and_the_assets_in_it(ui, look):
    page = look(ui.address("Dagster") + "/asset-groups")
    for group in GROUPS:
        expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=WAIT_MS)
    page = look(ui.address("Dagster") + "/locations/pilothouse/asset-groups/evidence/lineage", height=ALL_NODES)
    for asset in ("drift", "net_benefit", "performance", "decision", "triage", "staffing"):
        expect(page.get_by_text(asset, exact=True).first).to_be_visible(timeout=WAIT_MS)


def test_a_table_shows_what_it_is_and_that_its_checks_passed(ui, look):
    page = look(ui.address("Dagster") + "/assets/tables/omop/visit_occurrence")
    seen(page, "One visit. Grain: one encounter")
    page = look(ui.address("Dagster") + "/assets/tables/omop/visit_occurrence?view=checks")
    seen(page, "unique_visit_oc")
    seen(page, "Succeeded")


def test_the_drift_asset_leads_to_its_numbers_and_to_evidentlys_page(ui, look):
    page = look(ui.address("Dagster") + "/assets/triage/evidence/drift")
    seen(page, "drift.max_effect")
    link = page.get_by_role("link", name=re.compile("triage-city.html")).first
    address = urlsplit(link.get_attribute("href"))
    assert address.path == "/reports/drift/triage-city.html"
    page.get_by_text("[Show Markdown]").first.click()
    seen(page, "features drifted.")
    report = look(ui.address("Service") + address.path)
    seen(report, "Dataset Drift")
    seen(report, "arrival_hour")
    assert report.complaints == []


def test_mlflow_shows_the_run_with_evidentlys_page_and_the_registered_model(ui, look, demo):
    [folder] = (demo.path / "mlflow-artifacts").glob("triage-city/*/artifacts/evidence")
    run = folder.parents[1].name
    page = look(f"{ui.address('MLflow')}/#/experiments/1/runs/{run}")
    seen(page, "critical_care.auroc")
    seen(page, "triage-city")
    page = look(f"{ui.address('MLflow')}/#/experiments/1/runs/{run}/artifacts/evidence/evidently.html")
    expect(page.frame_locator("iframe").get_by_text("Dataset Drift").first).to_be_visible(timeout=WAIT_MS)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_fits_says_what_runs_and_leads_on(ui, look, width):
    page = look(ui.address("Service") + "/reports/", width)
    seen(page, "Releases and their evidence")
    seen(page, "Simulated data: engineering evidence, not a clinical claim.")
    for text in ("Assistive", "demo.clinical.safety", "The way back to the data"):
        seen(page, text)
    assert page.locator("svg").count() >= 6 and fits(page)
    page.get_by_text("Drift", exact=True).last.click()
    page.get_by_role("link", name="evidently drift report").click()
    seen(page, "Dataset Drift")
    page.go_back()
    page.get_by_role("link", name="for people").first.click()
    seen(page, "Model card in the shape of")
    assert page.complaints == [] and fits(page)


def test_the_report_is_the_same_without_any_server(demo, look):
    page = look((demo.path / "reports" / "index.html").as_uri())
    seen(page, "Releases and their evidence")
    assert page.complaints == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_board_fits_and_says_what_is_in_use(ui, look, width):
    page = look(ui.address("Service") + "/board/city/ED", width)
    for text in ("Assistive", "They advise; you decide.", "Harbour City University Hospital", "Last visit seen on"):
        seen(page, text)
    assert page.complaints == [] and fits(page)


def test_two_clicks_on_a_shift_of_the_demos_plans_reach_mart_and_ledger(demo, ui, look, monkeypatch):
    """Of the staffing forecast, and of the roster: the demo leaves it in shadow, so that its lead breaks the glass."""
    monkeypatch.setenv("PILOTHOUSE_HOME", str(ui.home.path))
    shutil.copytree(demo.path / "snapshots", ui.home.path / "snapshots")
    key = ui.home.path / "keys" / "demo" / "demo.nursing.lead.pem"
    why = ("--hours", "2", "--reason", "Many are sick at once.", "--as", "demo.nursing.lead", "--key", key)
    ui.home.ok("break-glass", "roster", "--site", "city", "--to", "assistive", *why)
    settings = load_settings()
    assert make_plan(settings, "roster", "city", own_clock(settings)()).plan.tier is Tier.MODEL
    one_more(look(ui.address("Service") + "/board/city/MED"), "Patients and nurses to expect", SKILL_MIX)
    one_more(look(ui.address("Service") + "/board/city/SUR"), "Who is rostered, and who is missing", "A late admission")
    rows = feedback_mart(settings)
    assert [(row["use_case"], row["unit"], row["reason_code"]) for row in rows] == [
        ("roster", "SUR", "late-admission"),
        ("staffing", "MED", "skill-mix"),
    ]
    told = [one["payload"] for one in ui.home.ok("ledger", "show")["entries"] if one["kind"] == "adjustment"]
    of = {one["adjustment"]: (one["use_case"], one["unit"], one["value"], one["reason"]) for one in told}
    for row in rows:
        assert of[row["adjustment_id"]] == (row["use_case"], row["unit"], row["wanted"], row["reason_code"])
        assert row["wanted"] >= 1


def one_more(page, title, reason):
    """Ask for one more nurse on the first shift of a plan on the board, in two clicks."""
    seen(page, title)
    seen(page, "A demo: patients, nurses and the clock of this page are simulated.")
    plan = page.locator("section").filter(has=page.get_by_role("heading", name=title))
    plan.locator("article").first.get_by_text("One more").first.click()
    plan.locator("article").first.get_by_role("button", name=reason).first.click()
    expect(page.get_by_text(f"set by a person: {reason.lower()}").first).to_be_visible()
    assert page.complaints == [] and fits(page)


def feedback_mart(settings):
    """What people changed on the board of this home: collected, landed under contract, built, written to the ledger."""
    day = own_clock(settings)().date()
    assert collect_events(settings, day)["city"] >= 1
    assert land_days(settings, "city", [day])["board_adjustments"].counts["landed"] == 2
    (settings.home / "tables").mkdir()
    built = build(settings.home, "tables", "--select", "+board_adjustment", verb="run")
    assert built.returncode == 0, built.stdout[-3000:]
    with duckdb.connect(str(settings.home / "tables" / "warehouse.duckdb"), read_only=True) as reader:
        mart = reader.sql("select * from marts.board_adjustment order by use_case").to_arrow_table()
    publish_tables(settings, {"board_adjustment": mart})
    assert [record_adjustments(settings, one, "city") for one in ("roster", "staffing")] == [1, 1]
    return mart.to_pylist()


def test_one_signal_stops_everything_that_was_started(ui):
    groups = ui.groups()
    assert len(groups) == 3 and all(_alive(group) for group in groups)
    ui.process.send_signal(signal.SIGTERM)
    assert ui.process.wait(60) == 0
    assert [group for group in groups if _alive(group)] == []


def _alive(group):
    """Whether anybody runs in a process group; one that only waits to be let go of does not."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return any(line.split()[0] == str(group) and not line.split()[1].startswith("Z") for line in listed.splitlines())
