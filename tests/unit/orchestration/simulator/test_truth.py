from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from orchestration.simulator.catalogue import load_catalogue
from orchestration.simulator.chance import stream
from orchestration.simulator.clock import DAY
from orchestration.simulator.latent import Draws, draw_visits
from orchestration.simulator.population import make_population, pick_arrivals
from orchestration.simulator.profiles import PROFILES
from orchestration.simulator.scenario import CALM, Scenario
from orchestration.simulator.signs import Signs, draw_signs

from .conftest import DAYS, SITES, START

BATCHES, BATCH = 40, 500


def draw(site: str, scenario: Scenario = CALM) -> list[tuple[Draws, Signs]]:
    """Twenty thousand visits of one site, spread over a year: enough for an AUROC to within 0.01."""
    profile, catalogue = PROFILES[site], load_catalogue()
    people = make_population(profile, catalogue, START, 1)
    found = []
    for n in range(BATCHES):
        day = date(2024, 1, 1) + timedelta(days=9 * n)
        rng = stream(1, site, "test", day)
        chosen = pick_arrivals(people, BATCH, n * DAY, rng)
        draws = draw_visits(profile, catalogue, people, chosen, np.zeros(BATCH, np.int64), day, rng, scenario)
        found.append((draws, draw_signs(profile, catalogue, people, draws, rng)))
    return found


@pytest.fixture(scope="module", params=SITES)
def visits(request) -> dict[str, np.ndarray]:
    pairs = draw(request.param)
    adult = np.concatenate([d.age for d, _ in pairs]) >= 18
    columns = {
        "critical": [d.is_critical for d, _ in pairs],
        "admitted": [d.is_admitted for d, _ in pairs],
        "p_critical": [d.critical_care for d, _ in pairs],
        "p_admitted": [d.admission for d, _ in pairs],
        "level": [s.level for _, s in pairs],
    }
    return {name: np.concatenate(parts)[adult] for name, parts in columns.items()}


def test_outcomes_are_as_common_as_in_real_departments(visits):
    assert 0.02 < visits["critical"].mean() < 0.045
    assert 0.15 < visits["admitted"].mean() < 0.33


def test_the_best_possible_model_discriminates_as_published_ones_nearly_do(visits):
    assert 0.87 < roc_auc_score(visits["critical"], visits["p_critical"]) < 0.91
    assert 0.84 < roc_auc_score(visits["admitted"], visits["p_admitted"]) < 0.89


def test_the_nurse_alone_is_useful_and_well_below_the_best(visits):
    assert 0.69 < roc_auc_score(visits["critical"], -visits["level"]) < 0.75


def test_the_truth_is_calibrated_within_every_tenth_of_risk(visits):
    for outcome, truth in (("critical", "p_critical"), ("admitted", "p_admitted")):
        order = np.argsort(visits[truth])
        for tenth in np.array_split(order, 10):
            p = visits[truth][tenth]
            error = np.sqrt((p * (1 - p)).sum()) / len(tenth)
            assert abs(visits[outcome][tenth].mean() - p.mean()) < 4.5 * error


def test_a_respiratory_season_raises_risk_only_where_it_is_on():
    calm, season = draw("rural"), draw("rural", Scenario(respiratory_from=date(2024, 6, 1)))
    before = slice(0, 16)
    after = slice(20, BATCHES)

    def risk(pairs, part):
        return np.concatenate([d.critical_care for d, _ in pairs[part]]).mean()

    assert risk(calm, before) == risk(season, before)
    assert risk(season, after) > 1.1 * risk(calm, after)


@pytest.mark.parametrize("site", SITES)
def test_truth_names_every_visit_of_the_drops_once_by_its_raw_encounter_id(home: Path, read, site: str):
    truth = pa.concat_tables([pq.read_table(path) for path in sorted((home / "truth" / site).glob("*.parquet"))])
    ids = truth["encounter_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert set(ids) == {encounter["id"] for encounter in read(site, "Encounter")}
    assert truth.schema.field("arrived_at").type == pa.timestamp("us", tz="UTC")


def test_truth_lies_outside_the_drops_and_no_drop_holds_a_probability(home: Path, summary):
    assert len(list((home / "truth" / "city").glob("*.parquet"))) == DAYS
    for path in (home / "drops").rglob("*.*"):
        assert path.suffix in (".ndjson", ".csv", ".parquet", ".hl7", ".x12", ".dcm")
        assert b"robability" not in path.read_bytes()


def test_what_the_truth_says_happened_happens(home: Path, read):
    """Of visits that ended and were not walked out of, the outcome in the records is the one that was drawn."""
    last = {encounter["id"]: encounter for encounter in read("city", "Encounter")}
    icu = {"Location/city-icu"}
    compared = 0
    for path in sorted((home / "truth" / "city").glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            encounter = last[row["encounter_id"]]
            hospitalization = encounter.get("hospitalization", {})
            how = hospitalization.get("dischargeDisposition", {}).get("coding", [{}])[0].get("code")
            if encounter["status"] != "finished" or how == "aadvice":
                continue
            was_in_icu = icu & {stay["location"]["reference"] for stay in encounter["location"]}
            assert row["critical_care"] == bool(was_in_icu or how == "exp")
            assert row["admission"] == (encounter["class"]["code"] == "IMP")
            compared += 1
    assert compared > 500
