"""Two sides of one declaration: a lake that dbt turns into the triage mart, and the requests of the same visits.

Three simulated sites that record differently, and one site of hand-made visits, landed as any other and built by dbt
once. Every drop that the simulator damages is repaired by the next one, so a day more is landed than is compared and no
visit has to be left out. What does not belong here: expectations.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from ml.features.mart import features_of
from ml.features.pseudonym import pseudonym
from ml.features.request import RequestFeatures, TriageRules
from ml.features.vocabulary import Vocabulary
from ml.usecases import Feature, UseCase, load_use_case
from orchestration.feeds import Drop, land_drops
from orchestration.simulator import drop_arrives_at, live_requests, simulate_group
from orchestration.sites import load_site
from tests.dbt_builds import run_dbt, told
from tests.parity.hand_made import CASES, HAND_MADE, HAND_MADE_ZONE, LANDED

KEY = b"parity-key-of-thirty-two-bytes.."
START, DAYS, SEED = date(2024, 3, 6), 7, 11  # the city's clocks go forward on the fifth day
SITES = ("city", "district", "rural")


@dataclass(frozen=True)
class Pair:
    """One visit as the request has it and as the mart has it (column name to value; empty where it has no row)."""

    request: RequestFeatures
    mart: Mapping[str, object]


@dataclass(frozen=True)
class Sides:
    """Everything compared. `quarantined`: the clauses that kept hand-made records from the lake, with how many."""

    mart: pa.Table
    appointments: pa.Table
    vocabulary: Vocabulary
    use_case: UseCase
    zones: Mapping[str, str]
    quarantined: Mapping[str, int]

    @property
    def features(self) -> tuple[Feature, ...]:
        return features_of(self.use_case, self.vocabulary)

    def rules(self, site: str) -> TriageRules:
        names = (feature.name for feature in self.features)
        minimum = self.use_case.population.minimum_age_years
        return TriageRules.of(names, self.vocabulary, minimum, ZoneInfo(self.zones[site]))

    def rows(self, site: str) -> dict[str, dict[str, object]]:
        """The mart's rows of a site by their visit key."""
        return {row["visit_key"]: row for row in self.mart.to_pylist() if row["site"] == site}


@pytest.fixture(scope="session")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    home = tmp_path_factory.mktemp("parity")
    simulate_group(home, sites=SITES, start=START, days=DAYS + 1, seed=SEED)
    for site in SITES:
        _land_simulated(home, site)
    quarantined = _land_hand_made(home)
    zones = {site: load_site(site).timezone for site in SITES} | {HAND_MADE: HAND_MADE_ZONE}
    _build_mart(home, zones)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        seeds = [
            warehouse.sql(f"select * from seeds.{name}_groups").to_arrow_table() for name in ("complaint", "history")
        ]
        mart, appointments = (
            warehouse.sql(f"select * from marts.{name}_mart").to_arrow_table() for name in ("triage", "appointments")
        )
    return Sides(mart, appointments, Vocabulary.from_tables(*seeds), load_use_case("triage"), zones, quarantined)


@pytest.fixture(scope="session")
def pairs(sides: Sides) -> dict[str, list[Pair]]:
    """Every live request of the compared days, by site, beside the mart's row of that visit."""
    return {site: list(_pairs(sides, site)) for site in SITES}


@pytest.fixture(scope="session")
def hand_made(sides: Sides) -> dict[str, Pair]:
    """The hand-made visits by name."""
    rules, rows = sides.rules(HAND_MADE), sides.rows(HAND_MADE)
    return {
        name: Pair(
            rules.features(case.prefetch(name), case.asked_at),
            rows.get(pseudonym(KEY, "Encounter", case.visit_id(name)), {}),
        )
        for name, case in CASES.items()
    }


def _pairs(sides: Sides, site: str) -> Iterator[Pair]:
    rules, rows = sides.rules(site), sides.rows(site)
    for sent in live_requests(site, START, start=START, seed=SEED, days=DAYS):
        request = rules.features(sent.body["prefetch"], sent.requested_at)
        yield Pair(request, rows[pseudonym(KEY, "Encounter", sent.encounter_id)])


def _land_simulated(home: Path, site: str) -> None:
    days = [START + timedelta(days=n) for n in range(DAYS + 1)]
    drops = [Drop((home / "drops" / site / day.isoformat(),), drop_arrives_at(site, day)) for day in days]
    land_drops(drops, site=site, feed=None, home=home, key=KEY, zone=load_site(site).timezone)


def _land_hand_made(home: Path) -> Mapping[str, int]:
    folder = home / "drops" / HAND_MADE
    folder.mkdir(parents=True)
    resources = [resource for name, case in CASES.items() for resource in case.resources(name)]
    for kind in sorted({resource["resourceType"] for resource in resources}):
        lines = [json.dumps(resource) for resource in resources if resource["resourceType"] == kind]
        (folder / f"{kind}.ndjson").write_text("\n".join(lines) + "\n")
    terms = {"site": HAND_MADE, "home": home, "key": KEY, "zone": HAND_MADE_ZONE}
    [receipts] = land_drops([Drop((folder,), LANDED)], feed=None, **terms)
    return {clause: count for receipt in receipts for clause, count in receipt.reasons.items()}


def _build_mart(home: Path, zones: Mapping[str, str]) -> None:
    marts = ["--select", "+triage_mart", "+appointments_mart", "--exclude-resource-type", "test", "unit_test"]
    built = run_dbt(home, told(home / "lake", timezones=dict(zones)), "build", *marts)
    assert built.returncode == 0, built.stdout[-4000:]
