"""A small, seeded mart whose risk is known: oxygen saturation, age and one complaint drive both outcomes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from ml.features.vocabulary import Vocabulary
from ml.training.candidate import Candidate, train_candidate
from ml.training.fit import Parameters
from ml.usecases import UseCase, load_use_case

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 100
SMALL = Parameters(rounds=40, learning_rate=0.1, num_leaves=4, min_child_samples=20)
COMPLAINTS = ("chest_pain", "injury", "shortness_of_breath")
HISTORIES = ("copd", "diabetes")

MartBuilder = Callable[..., pa.Table]


def build_mart(rows: int = 2400, seed: int = 5, site: str = "city") -> pa.Table:
    rng = np.random.default_rng(seed)
    minutes = np.sort(rng.integers(0, DAYS * 1440, rows))
    arrived = [FIRST_DAY + timedelta(minutes=int(minute)) for minute in minutes]
    oxygen = np.round(np.clip(rng.normal(96.5, 3, rows), 60, 100))
    age = rng.integers(18, 96, rows)
    breath = rng.random(rows) < 0.15
    risk = -3.2 + 0.25 * (96 - oxygen) + 0.02 * (age - 50) + 0.9 * breath
    missing = rng.random(rows) < 0.2
    columns: dict[str, object] = {
        "visit_occurrence_id": pa.array(range(1, rows + 1), pa.int64()),
        "visit_key": [f"{number:032x}" for number in range(rows)],
        "site": [site] * rows,
        "unit": ["ED"] * rows,
        "shift": ["day"] * rows,
        "arrived_at": pa.array(arrived, pa.timestamp("us", tz="UTC")),
        "known_at": pa.array([at + timedelta(hours=6) for at in arrived], pa.timestamp("us", tz="UTC")),
        "labels_known_at": pa.array([at + timedelta(days=2) for at in arrived], pa.timestamp("us", tz="UTC")),
        "is_eligible": [True] * rows,
        "age_years": age,
        "sex": rng.choice(["female", "male"], rows).tolist(),
        "arrival_hour": (minutes // 60 % 24).astype(int),
        "arrived_by_ambulance": rng.random(rows) < 0.2,
        "temperature_c": np.round(rng.normal(36.8, 0.6, rows), 1),
        "heart_rate": np.round(rng.normal(85, 15, rows)),
        "respiratory_rate": np.round(rng.normal(17, 3, rows)),
        "oxygen_saturation": [None if gone else value for gone, value in zip(missing, oxygen.tolist(), strict=True)],
        "systolic_bp": np.round(rng.normal(132, 20, rows)),
        "diastolic_bp": np.round(rng.normal(78, 12, rows)),
        "pain_score": rng.integers(0, 11, rows),
        "triage_level": np.clip(np.round(3.4 - risk / 4 + rng.normal(0, 0.7, rows)), 1, 5).astype(int) - 0,
        "seen_72h": rng.random(rows) < 0.05,
        "is_injury": rng.random(rows) < 0.2,
        "history_count": rng.integers(0, 4, rows),
        "complaint_chest_pain": rng.random(rows) < 0.1,
        "complaint_shortness_of_breath": breath,
        "history_copd": rng.random(rows) < 0.1,
        "history_diabetes": rng.random(rows) < 0.2,
        "critical_care": rng.random(rows) < 1 / (1 + np.exp(-risk)),
        "admission": rng.random(rows) < 1 / (1 + np.exp(-(risk + 1.2))),
        "age_band": ["65+" if years >= 65 else "18-64" for years in age],
    }
    return pa.table(columns)


def replaced(table: pa.Table, column: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, pa.array(values, table[column].type))


@pytest.fixture(scope="session")
def use_case() -> UseCase:
    return load_use_case("triage")


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    complaints = [{"group": name, "kind": "term", "system": "", "pattern": name} for name in COMPLAINTS]
    histories = [{"group": name, "system": "ICD-10-CM", "pattern": name[:3]} for name in HISTORIES]
    return Vocabulary.from_tables(pa.Table.from_pylist(complaints), pa.Table.from_pylist(histories))


@pytest.fixture(scope="session")
def mart_builder() -> MartBuilder:
    return build_mart


@pytest.fixture(scope="session")
def with_column() -> Callable[[pa.Table, str, object], pa.Table]:
    return replaced


@pytest.fixture(scope="session")
def mart() -> pa.Table:
    return build_mart()


@pytest.fixture(scope="session")
def parameters() -> Parameters:
    return SMALL


@pytest.fixture(scope="session")
def train_until() -> datetime:
    return FIRST_DAY + timedelta(days=80)


@pytest.fixture(scope="session")
def candidate(
    use_case: UseCase, mart: pa.Table, vocabulary: Vocabulary, train_until: datetime, parameters: Parameters
) -> Candidate:
    return train_candidate(
        use_case, mart, vocabulary, site="city", train_until=train_until, seed=1, parameters=parameters
    )
