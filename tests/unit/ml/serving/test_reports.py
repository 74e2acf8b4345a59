"""The report pages over HTTP: read-only, in a sandbox, nothing beside them."""

import json
from pathlib import Path

import pytest
from serving_homes import Home

from ml.serving.ops.readers import LOOKS, READERS
from tests.unit.ml.serving.issuer import behind_https

ROWS = "/reports/reviews/meaning-1.html"
PEOPLE = {"ada": {"role": "engineer"}, "eve": {"role": "executive"}, "kim": {"role": "clinician", "sites": ["city"]}}


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    (folder / "drift").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Releases</h1>")
    (folder / "drift" / "triage-city.html").write_text("<script>draw()</script>")
    (folder / "reviews").mkdir()
    (folder / "reviews" / "meaning-1.html").write_text("<td>a row of a patient</td>")
    (tmp_path / READERS).write_text(json.dumps({"schema": "pilothouse.ops_readers/1", "people": PEOPLE}))
    (tmp_path / "secret.pem").write_text("a key")
    return folder


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("/reports/", "<h1>Releases</h1>"),
        ("/reports/index.html", "<h1>Releases</h1>"),
        ("/reports/drift/triage-city.html", "<script>draw()</script>"),
    ],
)
def test_a_page_is_served_as_it_lies_there(home: Home, pages: Path, address: str, text: str) -> None:
    with home.serving(reports=pages) as client:
        answer = client.get(address)
    assert (answer.status_code, answer.text) == (200, text)
    assert answer.headers["content-type"].startswith("text/html")


def test_a_page_has_no_origin_and_reaches_nothing(home: Home, pages: Path) -> None:
    with home.serving(reports=pages) as client:
        headers = client.get("/reports/drift/triage-city.html").headers
    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts") and "allow-same-origin" not in policy
    assert "default-src 'none'" in policy and "connect-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "address", ["/reports/none.html", "/reports/..%2fsecret.pem", "/reports/%2e%2e/secret.pem", "/reports/drift"]
)
def test_what_is_no_page_there_is_not_found(home: Home, pages: Path, address: str) -> None:
    with home.serving(reports=pages) as client:
        answer = client.get(address)
    assert answer.status_code in (307, 404) and "a key" not in answer.text


def test_a_link_out_of_the_folder_is_not_followed(home: Home, pages: Path) -> None:
    (pages / "out.html").symlink_to(pages.parent / "secret.pem")
    with home.serving(reports=pages) as client:
        assert client.get("/reports/out.html").status_code == 404


def test_nothing_can_be_written(home: Home, pages: Path) -> None:
    with home.serving(reports=pages) as client:
        answer = client.post("/reports/index.html", json={})
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


def test_before_the_first_report_there_is_a_plain_not_found(home: Home, tmp_path: Path) -> None:
    with home.serving(reports=tmp_path / "none") as client:
        answer = client.get("/reports/")
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"


def test_without_a_folder_nothing_is_served_there(home: Home) -> None:
    with home.serving() as client:
        assert client.get("/reports/").status_code == 404


def looks(home: Home) -> list[tuple[str, str, str]]:
    path = home.path / LOOKS
    lines = map(json.loads, path.read_text().splitlines() if path.exists() else [])
    return [(line["role"], line["why"], line["page"]) for line in lines]


def test_a_look_at_rows_of_patients_is_on_record_with_who_and_why_before_it_is_answered(
    home: Home, pages: Path
) -> None:
    behind_https(home)
    with home.serving(reports=pages, environment="validation", people_header="Remote-User") as client:
        asked = {"remote-user": "ada"}
        assert "a row" in client.get(f"{ROWS}?why=review of meaning", headers=asked).text
        assert client.get("/reports/", headers=asked).status_code == 200, "a page without patients needs no record"
        assert client.get(f"{ROWS}?why=<b>", headers=asked).status_code == 422
        for headers in ({}, {"remote-user": "mallory"}, {"remote-user": "eve"}, {"remote-user": "kim"}):
            refused = client.get(ROWS, headers=headers)
            assert refused.status_code == 403 and "a row" not in refused.text
        assert client.get("/reports/").status_code == 403
        (home.path / LOOKS).unlink()
        (home.path / LOOKS).mkdir()
        assert client.get(ROWS, headers=asked).status_code == 503
        (home.path / LOOKS).rmdir()
        assert client.get("/reports/%72eviews/meaning-1.html", headers=asked).status_code == 200
    assert looks(home) == [("engineer", "not said", "reports/reviews/meaning-1.html")]


PAGES = {
    "incidents/tier-1-for-engineers.html": ("ada",),
    "incidents/tier-1-for-clinicians.html": ("ada", "eve"),
    "incidents/tier-2-for-clinicians.html": ("ada", "eve", "kim"),
    "incidents/tier-2-for-engineers.html": ("ada",),
    "incidents/tier-3-for-clinicians.html": ("ada", "eve"),
    "incidents/all-city-for-clinicians.html": ("ada", "eve"),
    "incidents/torn-city-for-clinicians.html": ("ada", "eve"),
    "incidents/list-city-for-clinicians.html": ("ada", "eve"),
    "drift/triage-city.html": ("ada", "eve", "kim"),
    "drift/triage-north.html": ("ada", "eve"),
    "board-packs/triage-city/pack.html": ("ada", "eve", "kim"),
    "board-packs/triage-city/evidence/performance-1.json": ("ada", "eve", "kim"),
    "board-packs/triage-city/more/performance-1.json": ("ada",),
    "operations-executive.html": ("eve",),
    "operations.html": (),
    "index.html": ("ada", "eve"),
    "index-city.html": ("ada", "eve", "kim"),
    "index-north.html": ("ada", "eve"),
    "index-inner-city.html": ("ada", "eve"),
    "calendar.html": ("ada", "eve"),
    "calendar.ics": ("ada", "eve"),
    "reviews/city.html": ("ada",),
    "drift/.triage-city.html.17.part": ("ada",),
    "made-later/rows-city.html": ("ada",),
}
"""Each page, and who of `PEOPLE` may see it."""
SAID = {
    "tier-2-for-clinicians": '{"site": "city"}',
    "tier-2-for-engineers": '{"site": "city"}',
    "tier-3-for-clinicians": '{"site": "north"}',
    "all-city-for-clinicians": '{"site": "all"}',
    "torn-city-for-clinicians": '{"site": "ci',
    "list-city-for-clinicians": '["city"]',
}
"""What lies beside an incident's page about its site; its name says nothing, whatever it holds."""
ON_RECORD = (
    "incidents/tier-1-for-engineers",
    "incidents/tier-2-for-engineers",
    "reviews/",
    "drift/.",
    "made-later/",
    "board-packs/triage-city/more",
)


def test_each_page_is_for_the_roles_and_sites_it_is_for_and_one_that_is_not_known_is_held_to_be_the_worst(
    home: Home, pages: Path
) -> None:
    behind_https(home)
    for page in PAGES:
        (pages / page).parent.mkdir(parents=True, exist_ok=True)
        (pages / page).write_text("<td>what it holds</td>")
    for name, said in SAID.items():
        (pages / "incidents" / f"{name}.html.site").write_text(said)
    with home.serving(reports=pages, environment="validation", people_header="Remote-User") as client:
        for page, readers in PAGES.items():
            answers = {one: client.get(f"/reports/{page}", headers={"remote-user": one}) for one in PEOPLE}
            assert {one for one, answer in answers.items() if "what it holds" in answer.text} == set(readers), page
            assert {answer.status_code for one, answer in answers.items() if one not in readers} <= {403}, page
    assert [page for _, _, page in looks(home)] == [f"reports/{one}" for one in PAGES if one.startswith(ON_RECORD)]


def test_in_development_a_look_at_rows_is_on_record_too(home: Home, pages: Path) -> None:
    with home.serving(reports=pages) as client:
        assert client.get(f"{ROWS}?why=testing").status_code == 200
    assert looks(home) == [("governance", "testing", "reports/reviews/meaning-1.html")]


def test_a_look_at_an_incident_is_on_record_with_the_site_of_its_page(home: Home, pages: Path) -> None:
    (pages / "incidents").mkdir()
    (pages / "incidents" / "one-for-engineers.html").write_text("a row")
    (pages / "incidents" / "one-for-engineers.html.site").write_text('{"site": "city"}')
    with home.serving(reports=pages) as client:
        assert client.get("/reports/incidents/one-for-engineers.html").status_code == 200
    [line] = (home.path / LOOKS).read_text().splitlines()
    assert json.loads(line)["sites"] == ["city"]
