"""Synthea's CSV export from the published files to OMOP: every row that a plain CSV reader finds, with its dates."""

import csv
import gzip
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.feeds import Receipt, land
from tests.integration.tables.conftest import build

SHARED = Path(
    os.environ.get("PILOTHOUSE_SHARED_DATA") or Path(__file__).resolve().parents[3].parent / "shared" / "data"
)
RAW = SHARED / "synthea_csv" / "raw"
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.xdist_group("synthea_csv"),
    pytest.mark.skipif(not RAW.exists(), reason="needs synthea_csv of PILOTHOUSE_SHARED_DATA"),
]
Read = Callable[[str], list[dict[str, str]]]


@pytest.fixture(scope="module")
def read() -> Read:
    """The rows of a table as Python's own csv module reads them."""

    def rows(name: str) -> list[dict[str, str]]:
        plain = RAW / f"{name}.csv"
        content = plain.read_bytes() if plain.exists() else gzip.decompress((RAW / f"{name}.csv.gz").read_bytes())
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))

    return rows


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("synthea_csv")


@pytest.fixture(scope="module")
def receipts(home: Path) -> list[Receipt]:
    arrived = datetime(2026, 3, 1, tzinfo=UTC)
    return land([RAW], site="synthea", feed=None, home=home, key=b"k" * 32, arrived_at=arrived)


@pytest.fixture(scope="module")
def ask(home: Path, receipts: list[Receipt]) -> Iterator[Callable[[str], list[tuple[object, ...]]]]:
    built = build(home, "whole", "--exclude-resource-type", "unit_test")
    assert built.returncode == 0, built.stdout[-4000:]
    with duckdb.connect(str(home / "whole" / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield lambda query: connection.execute(query).fetchall()


def test_every_row_of_every_file_is_accounted_for(receipts, read) -> None:
    assert len(receipts) == 14
    for receipt in receipts:
        rows = read(receipt.file.split(".")[0])
        assert (receipt.feed, receipt.received, receipt.quarantined) == ("synthea_csv", len(rows), 0)
        assert receipt.landed == len({tuple(row.values()) for row in rows})  # a few supplies come twice


def test_counts_of_each_table_are_those_of_a_plain_reader(ask, read) -> None:
    def distinct(*names: str) -> int:
        return sum(len({tuple(row.values()) for row in read(name)}) for name in names)

    expected = {
        "person": distinct("patients"), "visit_occurrence": distinct("encounters"),
        "condition_occurrence": distinct("conditions"), "drug_exposure": distinct("medications", "immunizations"),
        "device_exposure": distinct("devices", "supplies"), "observation": distinct("allergies"),
        "provider": distinct("providers"), "care_site": distinct("organizations"),
        "payer_plan_period": distinct("payer_transitions"),
        "death": sum(bool(row["DEATHDATE"]) for row in read("patients")),
    }  # fmt: skip
    found = {table: ask(f"select count(*) from omop.{table}")[0][0] for table in expected}
    assert found == expected and expected["visit_occurrence"] == 10_715 and expected["death"] == 9


def test_no_death_is_lost_and_each_has_its_day(ask, read) -> None:
    days = sorted(row["DEATHDATE"] for row in read("patients") if row["DEATHDATE"])
    assert [str(day) for (day,) in ask("select death_date from omop.death order by 1")] == days


def test_a_visit_stops_when_it_stopped_and_not_when_it_started(ask, read) -> None:
    spans = Counter((row["START"], row["STOP"]) for row in read("encounters"))
    found = ask("select visit_start_datetime, visit_end_datetime from omop.visit_occurrence")
    form = "%Y-%m-%dT%H:%M:%SZ"
    assert Counter((start.strftime(form), stop.strftime(form)) for start, stop in found) == spans


def test_diagnoses_and_drugs_keep_their_code_and_days(ask, read) -> None:
    query = "select condition_source_value, condition_start_date, condition_end_date from omop.condition_occurrence"
    found = Counter((code, str(start), str(stop or "")) for code, start, stop in ask(query))
    assert found == Counter((row["CODE"], row["START"], row["STOP"]) for row in read("conditions"))
    query = "select drug_source_value, drug_exposure_start_date, verbatim_end_date from omop.drug_exposure"
    drugs = Counter((row["CODE"], row["START"][:10], row["STOP"][:10]) for row in read("medications"))
    drugs += Counter((row["CODE"], row["DATE"][:10], row["DATE"][:10]) for row in read("immunizations"))
    assert Counter((code, str(start), str(stop or "")) for code, start, stop in ask(query)) == drugs


def test_every_landed_key_is_placed_or_left_out_for_a_reason(ask) -> None:
    left = ask("select lake_table, reason, keys from intermediate.lake_to_omop_fates where fate != 'placed' order by 1")
    assert left == [
        ("synthea_careplan", "no home in OMOP", 541),
        ("synthea_imaging_study", "no home in OMOP", 52),
        ("synthea_payer", "names the payer of other records", 10),
    ]


def test_nothing_that_names_a_patient_is_in_lake_or_warehouse(home, ask, read) -> None:
    texts = ask("select string_agg(distinct person_source_value) from omop.person")[0][0]
    stored = b"".join(path.read_bytes() for path in (home / "lake").rglob("*.parquet"))
    for row in read("patients"):
        assert row["Id"] not in texts and row["Id"].encode() not in stored
        assert row["SSN"].encode() not in stored and row["ADDRESS"].encode() not in stored


def test_every_cost_of_the_files_is_in_omop_to_the_last_row_and_cent(ask, read) -> None:
    expected: dict[str, list[tuple[float, float | None]]] = {
        "Visit": [(float(row["TOTAL_CLAIM_COST"]), float(row["PAYER_COVERAGE"])) for row in read("encounters")],
        "Drug": [(float(row["TOTALCOST"]), float(row["PAYER_COVERAGE"])) for row in read("medications")]
        + [(float(row["BASE_COST"]), None) for row in read("immunizations")],
    }
    for domain, costs in expected.items():
        query = f"select total_charge, paid_by_payer from omop.cost where cost_domain_id = '{domain}'"
        assert Counter(ask(query)) == Counter(costs)
    assert ask("select distinct cost_domain_id from omop.cost order by 1") == [("Drug",), ("Visit",)]
    assert ask("select count(*) from omop.cost where currency_concept_id = 0") == [(0,)]


def test_a_cost_belongs_to_the_drug_that_its_row_names(ask, read) -> None:
    found = Counter(ask(
        "select drug_source_value, total_charge from omop.cost "
        "join omop.drug_exposure on cost_event_id = drug_exposure_id where cost_domain_id = 'Drug'"
    ))  # fmt: skip
    expected = Counter((row["CODE"], float(row["TOTALCOST"])) for row in read("medications"))
    assert found == expected + Counter((row["CODE"], float(row["BASE_COST"])) for row in read("immunizations"))
