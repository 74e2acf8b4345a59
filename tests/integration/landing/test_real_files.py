"""The real files, as published: every record accounted for, and a second time nothing changes."""

import csv
import gzip
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from ml.features.pseudonym import pseudonym
from orchestration.feeds import Drop, Receipt, land, land_drops
from orchestration.sites.mappings import load_mappings

SHARED = Path(
    os.environ.get("PILOTHOUSE_SHARED_DATA") or Path(__file__).resolve().parents[3].parent / "shared" / "data"
)
KEY = b"k" * 32
NOW = datetime(2026, 3, 1, tzinfo=UTC)
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not SHARED.exists(), reason="needs the real data of PILOTHOUSE_SHARED_DATA"),
]


def ingest(home: Path, site: str, *paths: Path) -> list[Receipt]:
    return land(paths, site=site, feed=None, home=home, key=KEY, arrived_at=NOW)


def total(receipts: list[Receipt], name: str) -> int:
    return sum(getattr(r, name) for r in receipts)


def query(home: Path, table: str, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as db:
        return db.execute(f"select {columns} from read_parquet('{home}/lake/{table}/*/*/*.parquet')").fetchall()


def test_all_54632_visits_of_the_survey_land_from_the_published_archives(tmp_path: Path) -> None:
    archives = sorted((SHARED / "nhamcs_ed").glob("*.zip"))
    receipts = ingest(tmp_path, "nhamcs", *archives)
    assert [r.landed for r in receipts] == [20291, 19481, 14860]
    assert total(receipts, "received") == 54632
    (found,) = query(
        tmp_path, "nhamcs_visit", "count(*), count(distinct visit_key), sum((admithos)::int), sum((dieded)::int)"
    )
    assert found == (54632, 54632, 6429, 83)
    levels = "count(*) filter (triage_level is null), min(triage_level), max(triage_level), max(heart_rate)"
    assert query(tmp_path, "nhamcs_visit", levels) == [(11325 + 2311 + 2036 + 1538, 1, 5, 232)]
    again = ingest(tmp_path, "nhamcs", *archives)
    assert (total(again, "duplicate"), total(again, "landed")) == (54632, 0)


def test_every_day_of_the_payroll_journal_lands_through_its_sites_mapping(tmp_path: Path) -> None:
    path, terms = SHARED / "nurse_staffing_pbj" / "daily_2017_2023.csv.gz", {"site": "pbj", "feed": None, "key": KEY}
    given = load_mappings("pbj")
    [receipt] = land([path], home=tmp_path, arrived_at=NOW, mappings=given, **terms)
    assert (receipt.feed, receipt.received, receipt.landed) == ("staffing", 2466, 2466)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    hours = ("Hrs_RN", "Hrs_LPN", "Hrs_CNA", "Hrs_RN_ctr", "Hrs_LPN_ctr", "Hrs_CNA_ctr")
    [(first, last, census, *sums)] = query(
        tmp_path,
        "unit_staffing",
        "min(work_date), max(work_date), sum(census), sum(rn_hours), sum(lpn_hours), sum(aide_hours), "
        "sum(rn_contract_hours), sum(lpn_contract_hours), sum(aide_contract_hours)",
    )
    assert (first, last) == (date(2017, 1, 1), date(2023, 12, 31))
    assert census == sum(int(row["MDScensus"]) for row in rows)
    assert sums == [pytest.approx(sum(float(row[name]) for row in rows)) for name in hours]


def test_every_synthea_resource_is_accounted_for_and_no_identifier_leaves(tmp_path: Path) -> None:
    bundles, bulk = SHARED / "synthea_fhir_bundles", SHARED / "synthea_bulk_ndjson"
    receipts = ingest(tmp_path, "synthea", bundles, bulk)
    assert len(receipts) == 39
    resources = [e["resource"] for p in sorted(bundles.glob("*.json")) for e in json.loads(p.read_bytes())["entry"]]
    lines = sum(1 for p in bulk.glob("[A-Z]*.ndjson") for text in p.read_bytes().splitlines() if text.strip())
    assert total(receipts, "received") == len(resources) + lines + 1
    assert {c: n for r in receipts for c, n in r.reasons.items()} == {"file.not_fhir": 1}
    ids = {r["id"] for r in resources if r["resourceType"] == "Patient"}
    found = {key for (key,) in query(tmp_path, "fhir_patient", "patient_key")}
    assert {pseudonym(KEY, "Patient", ident) for ident in ids} <= found
    assert query(tmp_path, "fhir_encounter", "count(*) filter (patient_key is null)") == [(0,)]
    secrets = {n for r in resources if r["resourceType"] == "Patient" for n in (r["id"], r["name"][0]["family"])}
    written = b"".join(p.read_bytes() for d in ("lake", "quarantine") for p in (tmp_path / d).rglob("*.parquet"))
    assert not [s for s in secrets if s.encode() in written]


def test_references_of_real_bundles_meet_the_resources_they_name(tmp_path: Path) -> None:
    ingest(tmp_path, "synthea", SHARED / "synthea_fhir_bundles")
    patients = {key for (key,) in query(tmp_path, "fhir_patient", "patient_key")}
    encounters = {key for (key,) in query(tmp_path, "fhir_encounter", "encounter_key")}
    organizations = {key for (key,) in query(tmp_path, "fhir_organization", "organization_key")}
    assert {p for (p,) in query(tmp_path, "fhir_observation", "patient_key")} <= patients
    assert {e for (e,) in query(tmp_path, "fhir_observation", "encounter_key")} - {None} <= encounters
    assert {o for (o,) in query(tmp_path, "fhir_encounter", "provider_org_key")} - {None} <= organizations


def test_a_growing_export_adds_only_what_is_new_and_takes_corrections_and_deletes(tmp_path: Path) -> None:
    root = SHARED / "synthea_fhir_incremental" / "synthea-hiv" / "sample_data_small"
    first, second = sorted(root.glob("*.json")), sorted((root / "incremental").glob("*.json"))
    base = ingest(tmp_path / "home", "synthea", *first)
    grown = ingest(tmp_path / "home", "synthea", root)
    assert total(grown, "duplicate") == total(base, "landed")
    assert total(grown, "landed") == sum(len(json.loads(p.read_bytes())["entry"]) for p in second)
    document = json.loads(first[0].read_bytes())
    for entry in document["entry"]:
        if entry["resource"]["resourceType"] == "Encounter":
            entry["resource"]["status"] = "entered-in-error"
    encounters = sum(e["resource"]["resourceType"] == "Encounter" for e in document["entry"])
    gone = {"request": {"method": "DELETE", "url": f"Patient/{document['entry'][0]['resource']['id']}"}}
    corrected = tmp_path / "corrected.json"
    corrected.write_text(json.dumps({**document, "entry": [*document["entry"], gone]}))
    (receipt,) = ingest(tmp_path / "home", "synthea", corrected)
    assert (receipt.superseded, receipt.deleted) == (encounters, 1)
    assert receipt.duplicate == len(document["entry"]) - encounters


def test_many_drops_in_one_call_end_in_the_same_lake_as_one_call_each(tmp_path: Path) -> None:
    files = sorted((SHARED / "synthea_fhir_bundles").glob("*.json"))[:4]
    drops = [Drop((path,), datetime(2026, 3, 1 + n, tzinfo=UTC)) for n, path in enumerate(files)]
    together = land_drops(drops, site="synthea", feed=None, home=tmp_path / "a", key=KEY)
    apart = [
        land(d.paths, site="synthea", feed=None, home=tmp_path / "b", key=KEY, arrived_at=d.arrived_at) for d in drops
    ]
    assert together == apart
    homes = (tmp_path / "a", tmp_path / "b")
    own = {"keys", "index"}  # drawn by chance, and made of the lake
    trees = [{str(p.relative_to(h)) for p in h.rglob("*") if p.is_file() and not own & set(p.parts)} for h in homes]
    assert trees[0] == trees[1]
