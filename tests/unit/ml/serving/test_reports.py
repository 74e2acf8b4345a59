"""The report pages over HTTP: read-only, in a sandbox, nothing beside them."""

from pathlib import Path

import pytest
from serving_homes import Home


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    (folder / "drift").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Releases</h1>")
    (folder / "drift" / "triage-city.html").write_text("<script>draw()</script>")
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
