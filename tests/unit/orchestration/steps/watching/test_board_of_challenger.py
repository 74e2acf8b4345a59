"""The papers of a city where a challenger scores, or has replaced: said on each, every claim linked, no link dead."""

import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from orchestration.settings import Settings
from orchestration.steps.record.incidents import open_incident
from orchestration.steps.watching import board_packs
from orchestration.steps.watching.board_packs import write_board_packs
from orchestration.steps.watching.reporting import write_all_reports
from tests.acceptance.pdf_text import words_of
from tests.unit.orchestration.steps.governed import Governed
from tests.unit.orchestration.steps.releases.challenged import approve, promote, side_by_side

PACK = Path("board-packs") / "triage-city"


class Page(HTMLParser):
    """Links and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links, self.ids = set[str](), set[str]()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links |= {str(found[name]) for name in ("href", "src") if found.get(name)}
        self.ids |= {str(found["id"])} if found.get("id") else set()


def dead(folder: Path) -> list[str]:
    """Every link of every page below a folder that leads to no file, or to no place on the page that it names."""
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html")}
    lost = []
    for path, page in pages.items():
        for link in page.links:
            name, _, anchor = link.partition("#")
            target = (path.parent / unquote(name)).resolve() if name else path
            is_there = target.is_file() and (not anchor or target not in pages or anchor in pages[target].ids)
            lost += [] if is_there else [f"{path.name}: {link}"]
    return lost


@pytest.fixture
def here(settings: Settings, challenged_home: Path, monkeypatch: pytest.MonkeyPatch) -> Governed:
    """A challenger beside what is shown, an open incident, a calendar of the home's own, and no browser."""
    shutil.copytree(challenged_home, settings.home, dirs_exist_ok=True)
    words = {"owner": "change_manager", "rationale": "It is down.", "date": "2026-11-28"}
    freeze = {"id": "ehr", "title": "EHR upgrade", "once": {"from": "2026-12-05T00:00", "until": "2026-12-07T00:00"}}
    calendar = {"schema": "pilothouse.calendar/1", "version": "1.0.0", **words, "freezes": [{**freeze, **words}]}
    (settings.home / "calendar.yaml").write_text(json.dumps(calendar))
    open_incident(settings, "inc-1", use_case="triage", site="city", severity="high", what="Feed late.")
    monkeypatch.setattr(board_packs, "browser", lambda: None)
    return Governed(settings)


def pages(one: Governed) -> tuple[str, str, Path]:
    """The text of the pack and of the model card, and where they lie."""
    write_all_reports(one.settings)
    folder = one.settings.reports
    return _text(folder / PACK / "board-pack.html"), _text(folder / "model-card-triage-city.html"), folder


def _text(path: Path) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", path.read_text("utf-8"))).split())


def section(text: str, begin: str, end: str) -> str:
    return text.split(f" {begin} ")[-1].split(f" {end} ")[0]


def test_the_papers_say_who_challenges_since_when_by_whose_approval_and_how_it_compares(here: Governed) -> None:
    evidence, entry = side_by_side(here, auroc=-0.05, share=0.97), here.entries("challenger")[-1]
    pack, card, folder = pages(here)
    assert not dead(folder)
    for said in (
        "Model version 13, release",
        f"{entry.at:%Y-%m-%d %H:%M}",
        "olga (signed)",
        "ada, clinical safety lead (model)",
        "noor, nursing lead (workflow)",
        "97.0 % (96.0 % to 97.0 %) of 900 calls",
        "0.810",
        "0.850",
        "\u22120.040",
        "\u22120.050 to \u22120.030",
        "lower bound \u2265 \u22120.02",
        "upper bound \u2264 3 more",
        "beside-the-release-it-replaces",
        "approval.model",
        "9 differ",
        "EHR upgrade",
        "Feed late.",
    ):
        assert said in pack, said
    assert "Beside this release" in card and "model version 13" in card.lower() and evidence.digest in card
    copies = {json.loads(path.read_text())["digest"] for path in (folder / PACK).glob("evidence/side_by_side-*.json")}
    assert copies == {evidence.digest}
    for name in ("challenger-release", "challenger-decision", f"ledger-{entry.seq}"):
        assert (folder / PACK / "evidence" / f"{name}.json").is_file(), name
    notes = json.loads((folder / PACK / "release-notes.json").read_text())
    assert notes["challenger"]["model_version"] == "13" and notes["compared"] is None
    clauses = {one["clause"] for one in notes["challenger"]["in_its_way"]}
    assert {"beside-the-release-it-replaces", "approval.model", "approval.workflow"} <= clauses


def test_before_any_comparison_the_papers_say_not_evidenced(here: Governed) -> None:
    pack, card, folder = pages(here)
    assert not dead(folder)
    told = section(pack, "Margin of the policy Evidence", "In its way to the release's place")
    assert told.count("NOT EVIDENCED") == 3 and "0.8" not in told
    assert "Both on the same visits: NOT EVIDENCED." in card
    assert not list((folder / PACK).glob("evidence/side_by_side-*.json"))


def test_a_challenger_whose_files_are_damaged_is_still_told_and_its_gaps_are_said(here: Governed) -> None:
    release = here.entries("challenger")[-1].payload["release"]
    shutil.rmtree(here.settings.home / "releases" / str(release))
    pack, _, folder = pages(here)
    assert not dead(folder) and "Not all could be read" in pack
    assert (
        "Nobody: it scores the same calls after the answer" in pack and "What stands in its way NOT EVIDENCED" in pack
    )


def test_a_release_that_replaced_another_says_what_was_compared_until_another_comes(here: Governed) -> None:
    evidence = side_by_side(here, auroc=-0.01)
    approve(here, "assistive", challenger=True)
    assert promote(here, "assistive", challenger=True).exit_code == 0
    pack, card, folder = pages(here)
    assert not dead(folder)
    assert pack.count("Compared before its model took another's place") == 2, "in its section and in the release notes"
    assert "This model The one before Difference" in pack
    assert "None: no other model scores beside what is served" in pack and "beside version 12" in pack
    assert "AUROC of the challenger" in card and "Beside this release" not in card
    notes = json.loads((folder / PACK / "release-notes.json").read_text())
    assert notes["challenger"] is None
    assert (
        notes["compared"]["side_by_side.alerts_per_100_difference"]
        == evidence.figures["side_by_side.alerts_per_100_difference"].to_json()
    )
    for path in here.settings.evidence.rglob("*side_by_side*"):
        path.unlink()
    pack, _, folder = pages(here)
    assert not dead(folder) and pack.count("Compared before its model took another's place") == 2
    told = section(pack, "Compared before its model took another's place", "Value")
    assert evidence.digest[:12] in told and told.count("NOT EVIDENCED") >= 3, "the promotion goes on to name it"


def test_it_is_printed_through_chromium_with_the_challenger_on_paper(
    here: Governed, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side_by_side(here)
    monkeypatch.setattr(board_packs, "browser", lambda: chromium)
    [pack] = write_board_packs(here.settings, "triage", "city", tmp_path).document["packs"]
    printed = Path(pack["pdf"])
    words = words_of(printed.read_bytes())
    assert "In its way to the release" in words and "AUROC" in words and "Feed late." in words
    assert "file://" not in words and str(here.settings.home) not in words
    assert not dead(tmp_path / PACK)
