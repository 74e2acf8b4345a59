"""The pages are written whatever one site is like: the good ones as they are, the bad one with what is wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestration.settings import Settings
from orchestration.steps.learning.stores import CandidateRecord, save_candidate
from orchestration.steps.record.actors import actor_of
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.watching import views
from orchestration.steps.watching.reporting import write_all_reports
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
