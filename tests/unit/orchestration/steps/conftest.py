"""An empty home, and the small records that steps read back."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluation.evidence import Evidence, Figure
from orchestration.settings import Environment, Settings
from orchestration.steps.records import open_records
from orchestration.steps.stores import CandidateRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    home = tmp_path / "home"
    home.mkdir()
    yield Settings(
        home=home,
        environment=Environment.DEVELOPMENT,
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
        events_url=f"sqlite:///{home / 'events.db'}",
    )
    open_records.cache_clear()


@pytest.fixture
def record() -> Callable[..., CandidateRecord]:
    """A candidate of the city, as it is remembered."""

    def make(model: str = "model", site: str = "city", **changes: object) -> CandidateRecord:
        fields: dict[str, object] = {
            "use_case": "triage",
            "site": site,
            "model": digest(model),
            "data": digest("data"),
            "inputs": digest("inputs"),
            "run_id": "0" * 32,
            "version": "1",
            "author": "pilothouse.modelling.team",
            "seed": 7,
            "train_until": NOON.isoformat(),
            "test_from": NOON.isoformat(),
            "n_train": 700,
            "n_test": 300,
            "as_of": NOON.isoformat(),
            "manifest": digest("manifest"),
            "contracts": {"ehr_fhir": {"version": "1.0.0", "sha256": digest("contract")}},
            "created_at": NOON.isoformat(),
        }
        return CandidateRecord(**{**fields, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    """One piece of evidence about the city's candidate."""

    def make(
        kind: str = "drift", value: float | None = 0.1, at: datetime = NOON, name: str = "drift.share"
    ) -> Evidence:
        return Evidence(
            kind=kind,  # type: ignore[arg-type]
            use_case="triage",
            site="city",
            subject_model=digest("model"),
            subject_data=digest("data"),
            created_at=at,
            figures={name: Figure(value)},
            detail={},
        )

    return make
