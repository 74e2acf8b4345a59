"""An empty home, and the small records that steps read back."""

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evaluation.evidence import Evidence, Figure
from orchestration.settings import Environment, Settings
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.record.records import open_records

if TYPE_CHECKING:
    from tests.unit.orchestration.steps.governed import Governed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def settings_of(home: Path) -> Settings:
    return Settings(
        home=home,
        environment=Environment.DEVELOPMENT,
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
        events_url=f"sqlite:///{home / 'events.db'}",
    )


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    home = tmp_path / "home"
    home.mkdir()
    yield settings_of(home)
    open_records.cache_clear()


@pytest.fixture(scope="session")
def governed_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A home whose city has a release in assistive, to be copied; and the release."""
    from tests.unit.orchestration.steps.governed import Governed

    home = tmp_path_factory.mktemp("governed") / "home"
    home.mkdir()
    one = Governed.at(settings_of(home))
    one.release("assistive")
    open_records.cache_clear()
    return home, one.releases


@pytest.fixture
def city(settings: Settings, governed_home: tuple[Path, list[str]]) -> "Governed":
    """A release in assistive in the city, with people and a ledger."""
    from tests.unit.orchestration.steps.governed import Governed

    home, releases = governed_home
    shutil.copytree(home, settings.home, dirs_exist_ok=True)
    return Governed(settings, releases=list(releases))


@pytest.fixture(scope="session")
def incumbent_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose city is shown one model, with a newer candidate; to be copied."""
    from tests.unit.orchestration.steps.governed import Governed
    from tests.unit.orchestration.steps.releases.challenged import approve, candidate, city_record, promote

    folder = tmp_path_factory.mktemp("incumbent")
    home = folder / "home"
    home.mkdir()
    one = Governed.at(settings_of(home))
    first = candidate(one.settings, city_record(), 12, folder / "first")
    for stage in ("shadow", "assistive"):
        approve(one, stage)
        assert promote(one, stage).exit_code == 0
    candidate(one.settings, dataclasses.replace(first, inputs="1" * 64), 13, folder / "second")
    open_records.cache_clear()
    return home


@pytest.fixture(scope="session")
def challenged_home(tmp_path_factory: pytest.TempPathFactory, incumbent_home: Path) -> Path:
    """A home whose newer candidate scores beside the release that is shown; to be copied."""
    from tests.unit.orchestration.steps.governed import Governed
    from tests.unit.orchestration.steps.releases.challenged import approve, promote

    home = tmp_path_factory.mktemp("challenged") / "home"
    shutil.copytree(incumbent_home, home)
    one = Governed(settings_of(home))
    approve(one, "shadow", challenger=True)
    assert promote(one, "shadow", challenger=True).exit_code == 0
    open_records.cache_clear()
    return home


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
