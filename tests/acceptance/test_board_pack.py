"""The demo's board pack in headless Chromium, as a board opens it: no dead link, no complaint, all of it said."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.acceptance.conftest import Home
from tests.acceptance.pdf_text import words_of

pytestmark = pytest.mark.xdist_group("demo")
LINKS = "all => all.map(one => one.href)"
IDS = "all => all.map(one => one.id)"


@pytest.fixture(scope="module")
def folder(demo: Home) -> Path:
    return demo.path / "reports" / "board-packs" / "triage-city"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def visited(browser: Any, path: Path, width: int = 1200) -> dict[str, Any]:
    """What a browser finds on a page: links, anchors, words, complaints, and whether it is wider than the window."""
    page, complaints = browser.new_page(viewport={"width": width, "height": 900}), []
    page.on("console", lambda told: complaints.append(told.text))
    page.on("requestfailed", lambda lost: complaints.append(lost.url))
    page.goto(path.as_uri())
    found = {
        "links": page.eval_on_selector_all("a[href]", LINKS),
        "ids": page.eval_on_selector_all("[id]", IDS),
        "words": page.inner_text("body"),
        "complaints": complaints,
        "wide": page.evaluate("document.documentElement.scrollWidth > window.innerWidth"),
    }
    page.close()
    return found


def dead(found: dict[str, Any], path: Path) -> list[str]:
    """The links that lead to no file, or to no place on this page."""
    lost = []
    for link in found["links"]:
        there = urlsplit(link)
        target = Path(unquote(there.path))
        is_here = target == path
        if there.scheme != "file" or not target.is_file() or (is_here and there.fragment not in found["ids"]):
            lost.append(link)
    return lost


@pytest.mark.parametrize("width", [1200, 390])
def test_the_pack_opens_without_a_dead_link_or_a_complaint_at_any_width(folder: Path, browser: Any, width: int) -> None:
    page = folder / "board-pack.html"
    found = visited(browser, page, width)
    assert len(found["links"]) > 100 and not dead(found, page)
    assert not found["complaints"] and not found["wide"]


def test_the_pack_tells_the_demos_own_story(folder: Path, browser: Any) -> None:
    words = visited(browser, folder / "board-pack.html")["words"]
    for said in (
        "Assistive",
        "demo.clinical.safety",
        "demo.nursing.lead",
        "no claim about any hospital",
        "seconds to restored service",
        "Scores within 30 seconds",
        "NOT EVIDENCED",
    ):
        assert said.lower() in words.lower(), said
    value = json.loads((folder / "value.json").read_text())
    assert value["is_claim"] is False and any(one["measured"] for one in value["factors"])


def test_it_is_printed_and_the_paper_names_no_path_of_this_machine(folder: Path, chromium: str) -> None:
    words = words_of((folder / "board-pack.pdf").read_bytes())
    for said in (
        "Where the release stands",
        "Assistive",
        "demo.clinical.safety",
        "NOT EVIDENCED",
        "engineering evidence",
    ):
        assert said in words, said
    assert "file://" not in words and str(folder.parents[2]) not in words


def test_the_index_of_all_releases_leads_to_every_pack(demo: Home, browser: Any) -> None:
    index = demo.path / "reports" / "index.html"
    found = visited(browser, index)
    assert not dead(found, index)
    packs = list((demo.path / "reports" / "board-packs").iterdir())
    assert len(packs) >= 3 and all(
        any(f"/{one.name}/board-pack.html" in link for link in found["links"]) for one in packs
    )
