"""Board packs from the stores: of each place, with all that they cite, whatever one store holds."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.steps.learning.stores import CandidateRecord, save_candidate
from orchestration.steps.record.records import open_records
from orchestration.steps.watching import board_packs
from orchestration.steps.watching.board_packs import NO_BROWSER, NothingToShow, print_pdf, write_board_packs
from orchestration.steps.watching.reporting import write_all_reports
from tests.unit.orchestration.steps.governed import LEDGER_DAMAGES, POINTER_DAMAGES, RELEASE_DAMAGES, Governed


@pytest.fixture
def served(city: Governed, record: Callable[..., CandidateRecord], monkeypatch: pytest.MonkeyPatch) -> Governed:
    """A release at one site, and no browser on the machine."""
    city.release("assistive")
    manifest = open_records(city.settings).entries(kinds=("promotion",), site="city")[-1].payload
    save_candidate(city.settings, replace(record(site="city"), model=manifest["subject"]["model"]))  # type: ignore[index]
    monkeypatch.setattr(board_packs, "browser", lambda: None)
    return city


def subject_of(served: Governed) -> dict[str, str]:
    """What the release that is served is made of."""
    return dict(open_records(served.settings).entries(kinds=("promotion",), site="city")[-1].payload["subject"])  # type: ignore[arg-type, call-overload]


def evidence(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "evidence").glob("*.json")}


def test_a_pack_holds_its_page_its_documents_and_what_they_rest_on(served: Governed, tmp_path: Path) -> None:
    answer = write_board_packs(served.settings, "triage", "city", tmp_path)
    [pack] = answer.document["packs"]
    folder = tmp_path / "board-packs" / "triage-city"
    assert pack["page"] == str(folder / "board-pack.html") and answer.document["written"] == [pack["page"]]
    assert {"release", "pointer", "declaration", "policy", "ledger", "risks", "layout", "feeds"} <= evidence(folder)
    release = json.loads((folder / "evidence" / "release.json").read_text())
    assert release["subject"]["model"] == subject_of(served)["model"]
    governance = json.loads((folder / "readiness.json").read_text())["parts"]["governance"]
    judged = {one["id"]: one["state"] for one in governance}
    assert {judged[name] for name in ("risks", "controls", "residual", "risks-reviewed")} == {"ticked"}
    page = (folder / "board-pack.html").read_text()
    assert "ada" in page and "Assistive" in page and str(served.settings.home) not in page


def test_without_a_browser_the_page_is_written_and_the_answer_says_so(served: Governed, tmp_path: Path) -> None:
    answer = write_board_packs(served.settings, None, None, tmp_path)
    assert answer.document["problems"] == [NO_BROWSER] and answer.document["packs"][0]["pdf"] is None


def test_a_browser_that_fails_prints_nothing_and_takes_away_what_was_printed_before(tmp_path: Path) -> None:
    printed = tmp_path / "pack.pdf"
    printed.write_bytes(b"%PDF-old")
    assert print_pdf(printed, "<p>x</p>", lambda: "/bin/false") is None and not printed.exists()
    assert print_pdf(printed, "<p>x</p>", lambda: "/bin/true") is None and not printed.exists()
    assert print_pdf(printed, "<p>x</p>", lambda: str(tmp_path / "none")) is None


def test_the_index_links_each_pack_and_its_documents_and_every_link_is_alive(served: Governed) -> None:
    [index, *_] = write_all_reports(served.settings)
    page = index.read_text()
    for path in ("board-pack.html", "board-pack.html#notes", "board-pack.html#value", "board-pack.html#readiness"):
        assert f'href="board-packs/triage-city/{path}"' in page
    assert "board-pack.pdf" not in page and (index.parent / "board-packs/triage-city/board-pack.html").exists()


def test_where_there_is_nothing_a_pack_is_refused_with_what_to_do(city: Governed, tmp_path: Path) -> None:
    with pytest.raises(NothingToShow, match="no candidate and no release of staffing at city yet"):
        write_board_packs(city.settings, "staffing", "city", tmp_path)


@pytest.mark.parametrize(
    "damage", [POINTER_DAMAGES[1], RELEASE_DAMAGES[1], LEDGER_DAMAGES[0]], ids=lambda one: getattr(one, "__name__", "")
)
def test_a_damaged_store_costs_no_pack_and_is_not_passed_over(
    served: Governed, damage: Callable[[Governed], object], tmp_path: Path
) -> None:
    damage(served)
    answer = write_board_packs(served.settings, "triage", "city", tmp_path)
    page = Path(answer.document["packs"][0]["page"]).read_text()
    assert "NOT EVIDENCED" in page and answer.document["packs"][0]["gaps"]


def test_the_command_writes_where_it_is_told_and_refuses_a_use_case_that_is_not_there(
    served: Governed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTHOUSE_HOME", str(served.settings.home))
    done = CliRunner().invoke(main, ["board-pack", "triage", "--site", "city", "--out", str(tmp_path), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["packs"][0]["use_case"] == "triage"
    refused = CliRunner().invoke(main, ["board-pack", "nothing", "--json"])
    assert refused.exit_code == 1 and "no use case 'nothing'" in json.loads(refused.stdout)["error"]
