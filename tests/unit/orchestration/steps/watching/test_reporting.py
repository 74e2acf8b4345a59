"""The pages are written whatever one site is like: the good ones as they are, the bad one with what is wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation.evidence import Evidence, Figure
from evaluation.reports import ReportModel, render_index
from orchestration.settings import Settings
from orchestration.steps.learning.stores import CandidateRecord, save_candidate, save_evidence
from orchestration.steps.record.actors import actor_of
from orchestration.steps.record.records import believed_records, now, open_records
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.releases.withdrawing import withdraw
from orchestration.steps.watching import views
from orchestration.steps.watching.reporting import write_all_reports
from orchestration.steps.watching.status import overview
from orchestration.steps.watching.views import FAULT
from tests.unit.orchestration.steps.governed import (
    LEDGER_DAMAGES,
    POINTER_DAMAGES,
    RELEASE_DAMAGES,
    Governed,
    remove_releases,
)


@pytest.fixture
def group(city: Governed, record: Callable[..., CandidateRecord]) -> Governed:
    """Releases at two sites, each with the record of its candidate."""
    rural = Governed.at(city.settings, "rural")
    for one in (city, rural):
        one.release("assistive")
        manifest = open_records(city.settings).entries(kinds=("promotion",), site=one.site)[-1].payload
        save_candidate(city.settings, replace(record(site=one.site), model=manifest["subject"]["model"]))  # type: ignore[index]
    return city


def pages(settings: Settings) -> dict[str, str]:
    """The part of the index page of each site."""
    [index, *_] = write_all_reports(settings)
    sections = index.read_text().split('<section class="sheet"')[1:]
    return {part.split('id="triage-')[1].split('"')[0]: part for part in sections if 'id="triage-' in part}


def test_a_good_site_has_no_fault_and_says_who_signed_and_who_only_said_so(group: Governed) -> None:
    change_tier(group.settings, "triage", "city", "rule", "it looks wrong", group.signs("olga"))
    change_tier(group.settings, "triage", "city", "manual", "it looks wrong", actor_of("olga", None))
    found = pages(group.settings)
    assert found.keys() == {"city", "rural"} and not any(FAULT in page for page in found.values())
    assert "olga (signed)" in found["city"] and "olga (claimed)" in found["city"]


@pytest.mark.parametrize(
    "damage",
    [one for one in (*POINTER_DAMAGES, *RELEASE_DAMAGES) if one is not remove_releases],
    ids=lambda one: one.__name__,
)
def test_a_bad_site_has_a_page_that_says_what_is_wrong_beside_the_good_one(
    group: Governed, damage: Callable[[Governed], object]
) -> None:
    damage(group)
    found = pages(group.settings)
    assert FAULT not in found["rural"] and "Snapshot" in found["rural"]
    assert FAULT in found["city"] and "triage at city" in found["city"]
    assert "os.tester (claimed)" in found["city"], "what the ledger says of it is still shown"


def test_a_damaged_record_of_one_candidate_costs_no_other_page(group: Governed) -> None:
    for path in (group.settings.home / "candidates" / "triage" / "city").rglob("record.json"):
        path.write_text("{")
    found = pages(group.settings)
    assert FAULT in found["city"] and "JSONDecodeError" in found["city"] and FAULT not in found["rural"]


def test_a_pointer_that_was_put_back_is_on_the_page(group: Governed) -> None:
    old = group.pointer_file.read_bytes()
    roll_back(group.settings, "triage", "city", "off", "x")
    group.pointer_file.write_bytes(old)
    assert "POINTER AND LEDGER DIFFER" in pages(group.settings)["city"]


def test_the_page_says_how_much_of_the_sites_tables_is_mapped(group: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all("no tables of this version are built here" in page for page in pages(group.settings).values())
    shares = {"city": {"measurement": 0.9341}}
    monkeypatch.setattr(views, "mapping_coverage", lambda settings, site: shares.get(site, {}))
    found = pages(group.settings)
    assert "measurement 93.4%" in found["city"] and "measurement" not in found["rural"].split("Mapping coverage")[1]


def drawn(settings: Settings) -> dict[str, str]:
    """As `pages`, of triage alone and without packs."""
    rows = [row for row in overview(settings).rows if row["use_case"] == "triage"]
    shown = views.use_case_view(settings, believed_records(settings)[1], "triage", rows)
    html = render_index(ReportModel(now(), "1", (shown,)))
    return {part.split('id="triage-')[1].split('"')[0]: part for part in html.split('<section class="sheet"')[1:]}


def test_a_challenger_is_shown_beside_the_release_with_what_is_missing(
    group: Governed, record: Callable[..., CandidateRecord]
) -> None:
    group.challenge()
    entry = group.entries("challenger")[-1]
    made = replace(record(), model=str(entry.payload["subject"]["model"]))  # type: ignore[call-overload, index]
    save_candidate(group.settings, made)
    page = drawn(group.settings)["city"]
    assert "NOT EVIDENCED</span>: both have not been compared" in page
    assert "no side_by_side evidence of this model" in page
    figures = {
        "side_by_side.visits": Figure(321.0, n=321),
        "side_by_side.critical_care.auroc_difference": Figure(-0.012, -0.03, 0.006, 321, 17),
        "side_by_side.both_alert": Figure(0.25, 0.2, 0.3, 321, 80),
    }
    detail = {"beside_version": "3", "beside_model": "f" * 64}
    evidence = Evidence("side_by_side", "triage", "city", made.model, made.data, now(), figures, detail)
    save_evidence(group.settings, evidence)
    found = drawn(group.settings)
    page = " ".join(found["city"].split())
    assert "\u22120.012" in page and "\u22120.030 to 0.006" in page and "20.0 % to 30.0 %" in page
    assert "Beside version 3, on the visits that both scored" in page and ">321</td>" in page
    assert "both side by side, with a model that is not served (ffffffffffff)" in page
    assert f"since {entry.at:%Y-%m-%d %H:%M}" in page and "<h4>Challenger</h4>" not in found["rural"]


def test_a_challenger_that_left_is_only_history_and_one_that_cannot_be_read_says_so(group: Governed) -> None:
    group.challenge()
    page = drawn(group.settings)["city"]
    assert "<h4>Challenger</h4>" in page and "no record of model" in page, "its candidate is not on record"
    withdraw(group.settings, "triage", "city", "it scores nonsense")
    page = drawn(group.settings)["city"]
    assert "<h4>Challenger</h4>" not in page and "it scores nonsense" in page


@pytest.mark.parametrize("damage", LEDGER_DAMAGES, ids=lambda one: one.__name__)
def test_pages_are_written_over_a_damaged_ledger_too(group: Governed, damage: Callable[[Governed], object]) -> None:
    damage(group)
    assert pages(group.settings).keys() == {"city", "rural"}


def test_the_page_of_operations_is_linked_where_there_is_one(group: Governed) -> None:
    [index, *_] = write_all_reports(group.settings)
    assert "operations.html" not in index.read_text()
    (group.settings.reports / "operations.html").write_text("<p>")
    write_all_reports(group.settings)
    assert 'href="operations.html"' in index.read_text()
