"""A file is judged by the contract of its own time, in one lake table, and a home remembers what it landed under."""

import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.contracts import CONTRACTS_DIR, BreakingChange
from orchestration.feeds import Drop, land, land_drops, replay
from orchestration.feeds.quarantine import held_files
from orchestration.settings import Environment

KEY = b"k" * 32
THEN, SINCE, NOW = (datetime(2026, month, 1, 12, tzinfo=UTC) for month in (2, 3, 4))
HEAD = "unit,at,occupied,staffed_beds"


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    """Census 1.0.0 until March, with up to 2,000 beds and without the column closed; 2.1.0 since."""
    folder = tmp_path / "contracts"
    shutil.copytree(CONTRACTS_DIR, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    old = (folder / "census.odcs.yaml").read_text(encoding="utf-8")
    old = old.replace("version: 2.1.0", "version: 1.0.0").replace("maximum: 1000", "maximum: 2000")
    old = old[: old.index("      - name: closed")]
    (folder / "history" / "census@1.0.0.odcs.yaml").write_text(old, encoding="utf-8")
    sha = hashlib.sha256(old.encode()).hexdigest()
    (folder / "history" / "census.yaml").write_text(
        "feed: census\nowner: x\nversions:\n"
        f"  - {{version: 1.0.0, in_force_from: 2026-01-01T00:00:00Z, sha256: {sha}, reason: x}}\n"
        f"  - {{version: 2.1.0, in_force_from: {SINCE.isoformat()}, reason: x}}\n",
        encoding="utf-8",
    )
    return folder


def census(beds: int, at: datetime, unit: str = "ED") -> bytes:
    return f"{HEAD},closed\n{unit},{at.isoformat()},{beds},20,3\n".encode()


def land_at(zone, contracts: Path, content: bytes, at: datetime, environment=Environment.DEVELOPMENT):
    (receipt,) = land(
        zone.put({"census.csv": content}),
        site=zone.site,
        feed=None,
        home=zone.home,
        key=KEY,
        arrived_at=at,
        contracts_dir=contracts,
        environment=environment,
    )
    return receipt


def test_each_file_of_one_call_is_judged_by_the_contract_of_its_time(zone, contracts: Path) -> None:
    paths = [zone.put({"census.csv": census(1500, at)}) for at in (THEN, NOW)]
    drops = [Drop(tuple(path), at) for path, at in zip(paths, (THEN, NOW), strict=True)]
    made = land_drops(drops, site=zone.site, feed=None, home=zone.home, key=KEY, contracts_dir=contracts)
    found = [(r.contract, r.landed, dict(r.reasons)) for group in made for r in group]
    assert found == [("census@1.0.0", 1, {}), ("census@2.1.0", 0, {"Census.occupied.range": 1})]


def test_history_that_is_landed_late_is_judged_as_then_and_lies_in_the_same_table(zone, contracts: Path) -> None:
    assert land_at(zone, contracts, census(30, NOW), NOW).landed == 1
    assert land_at(zone, contracts, census(1500, THEN), THEN).contract == "census@1.0.0"
    rows = zone.rows("unit_census", "_contract, occupied, closed", "_file is not null")
    assert rows == [("census@1.0.0", 1500, None), ("census@2.1.0", 30, 3)]


def test_history_that_is_landed_again_changes_nothing(zone, contracts: Path) -> None:
    land_at(zone, contracts, census(1500, THEN), THEN)
    before = zone.files()
    again = land_at(zone, contracts, census(1500, THEN), THEN)
    assert (again.contract, again.duplicate) == ("census@1.0.0", 1)
    assert zone.files() == before


def test_replay_judges_as_now_and_as_then_only_when_told(zone, contracts: Path) -> None:
    land_at(zone, contracts, census(3000, THEN), THEN)
    held = held_files(zone.home, [zone.site])
    terms = {"site": zone.site, "home": zone.home, "key": KEY, "contracts_dir": contracts}
    (as_then,) = replay(held, arrived_at=NOW + timedelta(days=1), as_of_then=True, **terms)
    (as_now,) = replay(held, arrived_at=NOW + timedelta(days=2), **terms)
    assert (as_then.contract, as_now.contract) == ("census@1.0.0", "census@2.1.0")


def test_an_overlay_judges_and_is_named_in_receipt_and_row(zone, contracts: Path) -> None:
    text = (contracts / "environments" / "production.yaml").read_text(encoding="utf-8")
    change = "    - {where: Census.occupied.maximum, to: 40, owner: x, reason: x, date: 2026-11-27}\n"
    text = text.replace("  census@2.1.0:\n", f"  census@2.1.0:\n{change}")
    (contracts / "environments" / "production.yaml").write_text(text, encoding="utf-8")
    strict = land_at(zone, contracts, census(41, NOW), NOW, Environment.PRODUCTION)
    assert (strict.contract, dict(strict.reasons)) == ("census@2.1.0+production", {"Census.occupied.range": 1})
    land_at(zone, contracts, census(40, NOW), NOW, Environment.PRODUCTION)
    assert zone.rows("unit_census", "_contract", "_file is not null") == [("census@2.1.0+production",)]
    assert land_at(zone, contracts, census(41, NOW), NOW).stored == 1


def test_a_home_keeps_the_contracts_that_it_landed_under_byte_for_byte(zone, contracts: Path) -> None:
    land_at(zone, contracts, census(30, THEN), THEN)
    land_at(zone, contracts, census(31, NOW), NOW)
    kept = {path.name.split(".odcs")[0][:12]: path.read_bytes() for path in zone.home.glob("contracts/census/*.yaml")}
    assert sorted(kept) == ["census@1.0.0", "census@2.1.0"]
    assert kept["census@2.1.0"] == (contracts / "census.odcs.yaml").read_bytes()


def test_a_contract_changed_in_place_so_that_it_breaks_is_refused_by_the_home(zone, contracts: Path) -> None:
    land_at(zone, contracts, census(30, NOW), NOW)
    path = contracts / "census.odcs.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("maximum: 1000", "maximum: 900"), encoding="utf-8")
    with pytest.raises(BreakingChange, match=r"Census\.occupied: its maximum was tightened from 1000 to 900"):
        land_at(zone, contracts, census(31, NOW), NOW)


def test_history_landed_after_the_current_version_does_not_become_the_last_one(zone, contracts: Path) -> None:
    land_at(zone, contracts, census(30, NOW), NOW)
    land_at(zone, contracts, census(31, THEN), THEN)
    assert land_at(zone, contracts, census(32, NOW), NOW).stored == 1


def test_the_first_real_version_judges_its_own_hours_and_lets_no_name_through(zone, ndjson, observation) -> None:
    """1.0.0 bounded no time by the arrival, and let the whole text of a complaint pass: only the first holds."""
    told = {"code": {"coding": [{"system": "http://loinc.org", "code": "8661-1"}]}, "valueQuantity": None}
    late = "2031-01-01T10:00:00Z"
    complaint = observation("o1", **told, valueString="Jane Roe has chest pain", effectiveDateTime=late)
    panel = observation("o2", component=[{"code": {"coding": [{"code": "8480-6"}]}, "valueQuantity": {"value": 120}}])
    at = datetime(2026, 11, 22, 11, tzinfo=UTC)
    (then,) = zone.land({"Observation.ndjson": ndjson(complaint, panel)}, at=at)
    (since,) = zone.land({"Observation.2.ndjson": ndjson({**complaint, "id": "o3"}, {**panel, "id": "o4"})}, at=NOW)
    assert (then.contract, then.landed) == ("ehr_fhir@1.0.0", 2)
    assert dict(since.reasons) == {"Observation.effective_at.future": 1}
    rows = zone.rows("fhir_observation", "_contract, value_text, components[1].value_number", "_file is not null")
    assert {row[0].split("@")[0] for row in rows} == {"ehr_fhir"}
    assert [(text, number) for label, text, number in rows if label == "ehr_fhir@1.0.0"] == [
        ("xxx xxx has chest pain", None),
        (None, 120.0),
    ]
