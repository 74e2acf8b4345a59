"""The audit of a home: receipts and lake counted, before tables are built and where nothing came."""

import json
from datetime import timedelta
from pathlib import Path

from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.intake.audit import audit_page, audit_sites, findings_by_site
from orchestration.steps.intake.freshness import site_freshness
from orchestration.steps.intake.landing import ingest_paths
from orchestration.steps.record.records import now


def resource(number: int, **more: object) -> str:
    return json.dumps({"resourceType": "Patient", "id": f"p{number}", "birthDate": "1950-02-03", **more})


def condition(number: int, patient: str) -> str:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "386661006"}]}
    subject = {"reference": f"Patient/{patient}"}
    return json.dumps({"resourceType": "Condition", "id": f"c{number}", "code": code, "subject": subject})


def land(settings: Settings, folder: Path, name: str, lines: list[str]) -> None:
    (folder / name).write_text("\n".join(lines) + "\n")
    ingest_paths(settings, [folder / name], "synthea", "ehr_fhir")


def test_a_site_to_which_nothing_came_has_a_page_that_says_so(settings: Settings) -> None:
    answer = audit_sites(settings, "synthea", None)
    [facts] = answer.document["sites"]
    agreed = load_site("synthea").feeds
    assert sorted(facts["findings"]) == [f"{feed} is agreed, and no file of it has ever arrived." for feed in agreed]
    assert Path(facts["report"]) == settings.reports / "audit-synthea.html"
    assert Path(facts["report"]).read_text().startswith("<!doctype html>")
    json.dumps(answer.document, default=str)


def test_what_landed_is_counted_by_field_code_and_link_before_tables_are_built(
    settings: Settings, tmp_path: Path
) -> None:
    land(settings, tmp_path, "people.ndjson", [resource(1, gender="female"), resource(2), "not json"])
    land(settings, tmp_path, "conditions.ndjson", [condition(1, "p1"), condition(2, "p1"), condition(3, "stranger")])
    page = audit_page(settings, load_site("synthea"), now())
    feed = next(one for one in page.feeds if one.feed == "ehr_fhir")
    assert (feed.files, feed.records["received"], feed.records["landed"], feed.records["quarantined"]) == (2, 6, 5, 1)
    assert feed.formats_seen == ((".ndjson", 2),) and sum(records for _, records in feed.volume) == 6
    tables = {one.table: one for one in feed.tables}
    assert {one.name: one.empty for one in tables["fhir_patient"].fields}["gender"] == 0.5
    [codes] = [one for one in page.coding if one.table == "fhir_condition"]
    assert (codes.records, codes.codes, codes.mapped) == (3, 1, None)
    assert [(one.names, one.records, one.unknown) for one in page.links] == [("patient", 3, 1)]
    assert page.quality is None and any("not built" in one.says for one in page.findings)
    assert any("1 of 3 records (33.3" in one.says and "patient" in one.says for one in page.findings)


def test_the_page_goes_where_it_is_asked_to(settings: Settings, tmp_path: Path) -> None:
    answer = audit_sites(settings, "city", tmp_path / "out")
    assert answer.document["reports"] == [str(tmp_path / "out" / "audit-city.html")]
    assert answer.text is not None and "1. " in answer.text


def test_a_feed_is_late_on_the_page_exactly_when_its_freshness_says_so_at_the_same_clock(
    settings: Settings, tmp_path: Path
) -> None:
    land(settings, tmp_path, "people.ndjson", [resource(1)])
    site = load_site("synthea")
    seen = set()
    for hours in (1, 26, 30, 31, 200):
        clock = now() + timedelta(hours=hours)
        [judged] = [one for one in site_freshness(settings, "synthea", clock) if one.feed == "ehr_fhir"]
        page = audit_page(settings, site, clock)
        [feed] = [one for one in page.feeds if one.feed == "ehr_fhir"]
        assert feed.is_late == (judged.verdict == "stale") and page.as_of == clock
        seen.add(feed.is_late)
    assert seen == {True, False}


def test_a_file_that_was_held_back_whole_makes_no_feed_fresh(settings: Settings, tmp_path: Path) -> None:
    land(settings, tmp_path, "people.ndjson", ["not json"])
    page = audit_page(settings, load_site("synthea"), now())
    [feed] = [one for one in page.feeds if one.feed == "ehr_fhir"]
    assert feed.files == 1 and feed.age_hours is None and not feed.is_late


def test_what_must_be_mended_is_told_by_site(settings: Settings) -> None:
    found = findings_by_site(audit_sites(settings, "synthea", None))
    assert found.keys() == {"synthea"} and "no file of it has ever arrived" in found["synthea"][0]
