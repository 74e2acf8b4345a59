"""The page of operations: who sees which part, that a look is on record first, and that it is a safe page."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from serving_homes import KEY, SITE, Client, Home

from ml.serving.board import page as board
from ml.serving.config import SiteContext
from ml.serving.ops.document import FILE, Operations
from ml.serving.ops.page import OUTCOMES, WORKFLOW, number, operations_page
from ml.serving.ops.readers import LOOKS, READERS, ROLES, SECTIONS
from tests.unit.ml.serving.issuer import behind_https

SITES = {SITE: SiteContext("America/New_York", KEY, "Harbour City")}
HEADER = "X-Signed-In"


def figure(value: float | None, n: int = 50) -> dict[str, Any]:
    if value is None:
        return {"value": None}
    return {"value": value, "lower": value * 0.8, "upper": value * 1.2, "n": n, "n_events": 20}


def state(site: str, label: str) -> dict[str, Any]:
    groups = [("site", "all", 0.4), ("unit", "ED", 0.5), ("unit", "ICU", None), ("shift", "night", 0.3)]
    figures = ("override_rate", "wait_minutes")
    guesses = {"estimated.critical_care.ppv": figure(0.3), "estimated.critical_care.realised_ppv": figure(0.2)}
    months = [
        {"period": f"2026-0{n}", "estimated": {"prevalence": figure(0.1)}, "realised": {"prevalence": figure(0.1)},
         "surprises": []} for n in (1, 2)
    ]  # fmt: skip
    return {
        "site": site, "label": label, "is_simulated": False, "begin": None, "until": None, "open_incidents": 1,
        "use_cases": [
            {"use_case": "triage", "title": "Risk at triage", "stage": "assistive", "tier": "rule", "figures": guesses,
             "periods": months, "blind_spot": "blind to concept drift", "drift_causes": ["<b>heart_rate</b> moved"],
             "drift_compared": 900, "moved": []}
        ],
        "groups": [{"by": by, "value": v, "figures": {one: figure(x) for one in figures}} for by, v, x in groups],
        "adjustments": {"charge_nurse": 14},
        "levels": [{"title": "Scores in time", "target": 0.995, "share": 0.9, "is_met": False}],
        "reads": [
            {"who": "abababab", "role": "engineer", "what": "incidents", "why": "<i>a fault", "times": 2,
             "first": "2026-03-01T10:00:00Z", "last": "2026-03-01T11:30:00Z", "patients": "1 to 10"},
        ], "reads_left_out": 7,
    }  # fmt: skip


def published(home: Path) -> dict[str, Any]:
    document = {
        "schema": "pilothouse.operations/1",
        "generated_at": "2026-03-01T12:00:00Z",
        "sites": [state(SITE, "Harbour City"), state("rural", "Rural Clinic")],
    }
    (home / FILE).parent.mkdir(exist_ok=True)
    (home / FILE).write_text(json.dumps(document))
    return document


@pytest.fixture
def open_to_all(home: Home) -> Iterator[Client]:
    published(home.path)
    with home.serving(sites=SITES) as serving:
        yield serving


@pytest.fixture
def signed(home: Home) -> Iterator[Client]:
    """A service behind a proxy: ada is a clinician of one site, eve an engineer of all."""
    published(home.path)
    people = {"ada": {"role": "clinician", "sites": [SITE]}, "eve": {"role": "engineer"}}
    (home.path / READERS).write_text(json.dumps({"schema": "pilothouse.ops_readers/1", "people": people}))
    with home.serving(sites=SITES, people_header=HEADER) as serving:
        yield serving


def looks(home: Home) -> list[dict[str, Any]]:
    path = home.path / LOOKS
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_its_own_sections_and_no_others(open_to_all: Client, role: str) -> None:
    page = open_to_all.get(f"/ops?role={role}").text
    for section in {one for each in SECTIONS.values() for one in each}:
        assert (f'id="{SITE}-{section}"' in page) is (section in SECTIONS[role])  # type: ignore[index]


def test_a_challenger_and_what_the_sites_file_silences_are_shown_beside_the_release(home: Home) -> None:
    document = published(home.path)
    document["sites"][0]["use_cases"][0]["silent"] = "Risk at triage at city is silent in units <ED>."
    document["sites"][0]["use_cases"][0]["challenger"] = {
        "version": "13", "since": "2026-02-01T08:00:00Z", "missing": ["<b>499 visits</b>"],
        "figures": {
            "side_by_side.critical_care.auroc_difference": figure(-0.012, 321) | {"lower": -0.03, "upper": 0.006},
            "side_by_side.both_alert": {"value": None},
        },
    }  # fmt: skip
    (home.path / FILE).write_text(json.dumps(document))
    with home.serving(sites=SITES) as client:
        page, other = (" ".join(client.get(f"/ops?role={role}").text.split()) for role in ("engineer", "executive"))
    assert page.count("Challenger of Risk at triage") == 1 and "Challenger of" not in other
    assert "Model version 13, in shadow since 01 Feb 2026, 08:00 UTC, shown to nobody." in page
    assert "-0.01 <span" in page and "-0.03 to 0.01" in page and ">321</td>" in page
    assert "&lt;b&gt;499 visits" in page and "a challenger in shadow beside it" in other
    assert "<strong>Risk at triage at city is silent in units &lt;ED&gt;.</strong>" in other


def test_a_person_sees_their_role_and_their_sites_and_the_look_is_on_record(signed: Client, home: Home) -> None:
    page = signed.get("/ops?why=morning round", headers={HEADER: "ada"})
    assert page.status_code == 200
    assert "Harbour City" in page.text
    assert "Rural Clinic" not in page.text
    assert f'id="{SITE}-drift"' not in page.text
    assert "/ops?role=" not in page.text
    (look,) = looks(home)
    assert (look["role"], look["why"], look["sites"]) == ("clinician", "morning round", [SITE])
    assert "ada" not in json.dumps(look)
    assert (home.path / LOOKS).stat().st_mode & 0o077 == 0


def test_nobody_takes_a_role_that_is_not_theirs(signed: Client, home: Home) -> None:
    for headers, query in (({}, ""), ({HEADER: "mallory"}, ""), ({HEADER: "ada"}, "?role=governance")):
        refused = signed.get(f"/ops{query}", headers=headers)
        assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
        assert "Harbour" not in refused.text
    assert looks(home) == []


@pytest.mark.parametrize("environment", ["validation", "production"])
def test_outside_development_nobody_is_shown_anything_without_signing_in(home: Home, environment: str) -> None:
    published(home.path)
    behind_https(home)
    with home.serving(sites=SITES, environment=environment) as client:
        refused = client.get("/ops")
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:pilothouse:problem:not-signed-in")
    assert looks(home) == []


def test_a_look_that_cannot_be_put_on_record_is_not_answered(open_to_all: Client, home: Home) -> None:
    (home.path / LOOKS).mkdir(parents=True)
    refused = open_to_all.get("/ops")
    assert refused.status_code == 503
    assert "Harbour" not in refused.text


@pytest.mark.parametrize(
    "content", ["", "{}", '{"schema": "pilothouse.ops_readers/1", "people": {"ada": {"role": "x"}}}']
)
def test_readers_that_cannot_be_read_let_nobody_in(signed: Client, home: Home, content: str) -> None:
    (home.path / READERS).write_text(content)
    assert signed.get("/ops", headers={HEADER: "ada"}).status_code == 503


@pytest.mark.parametrize("content", [None, "", "{}", '{"schema": "pilothouse.operations/2"}'])
def test_without_a_document_the_page_says_what_to_run(open_to_all: Client, home: Home, content: str | None) -> None:
    (home.path / FILE).unlink()
    if content is not None:
        (home.path / FILE).write_text(content)
    answer = open_to_all.get("/ops")
    assert answer.status_code == 404
    assert "pilothouse run" in answer.text


def test_one_person_may_not_ask_without_end(open_to_all: Client) -> None:
    codes = [open_to_all.get("/ops").status_code for _ in range(15)]
    assert codes[0] == 200
    assert 429 in codes


def test_the_page_is_sent_with_the_headers_of_pages(open_to_all: Client) -> None:
    headers = open_to_all.get("/ops").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["cache-control"]) == ("DENY", "no-store")


class Outline(HTMLParser):
    """Every table has a caption, every drawing is hidden from screen readers, headings do not skip a level."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = self.captions = 0
        self.naked: list[str] = []
        self.levels: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "svg" and ("aria-hidden", "true") not in attrs:
            self.naked.append(tag)
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.levels.append(int(tag[1]))


@pytest.mark.parametrize("role", ROLES)
def test_a_screen_reader_has_captions_headings_in_order_and_numbers_in_words(home: Home, role: Any) -> None:
    page = operations_page(Operations.model_validate(published(home.path)), role, None)
    outline = Outline()
    outline.feed(page)
    assert outline.tables == outline.captions > 0
    assert outline.naked == []
    assert all(after - before <= 1 for before, after in zip(outline.levels, outline.levels[1:], strict=False))
    assert "<b>heart_rate" not in page


def test_a_suppressed_group_has_no_row_and_a_fallback_is_said(home: Home) -> None:
    page = operations_page(Operations.model_validate(published(home.path)), "governance", [SITE])
    assert "ICU" not in page
    assert "rule instead of the model" in page
    assert "blind to concept drift" in page
    assert "40 %" in page and "32 to 48 %" in page


def test_governance_alone_reads_who_read_what_of_patients(open_to_all: Client) -> None:
    pages = {role: open_to_all.get(f"/ops?role={role}").text for role in ROLES}
    assert {role for role, page in pages.items() if "abababab" in page} == {"governance"}
    for said in ("01 Mar 11:30", "since 01 Mar 10:00", "&lt;i&gt;a fault", "1 to 10", "7 older rows are not shown"):
        assert said in pages["governance"]


def test_a_document_of_before_reads_were_told_is_still_read(home: Home) -> None:
    document = published(home.path)
    for one in document["sites"]:
        del one["reads"], one["reads_left_out"]
    assert "Nobody read a card" in operations_page(Operations.model_validate(document), "governance", None)


def test_no_figure_is_less_than_nothing_by_rounding() -> None:
    for metric in (*WORKFLOW, *OUTCOMES):
        assert number(metric, -1e-9) == number(metric, 0.0)
    assert (board.number(-1e-9), board.signed(-1e-9), board.signed(0.0), board.signed(-2.0)) == ("0", "0", "0", "−2")
