"""The rollout machine made ready: its home, its clock, its power, and what is read again and again kept in memory."""

import os
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from evaluation.canonical import document_digest
from evaluation.ledger import chain, ledger
from evaluation.ledger.entry import believe
from evaluation.policies import load
from ml.registry import store
from ml.registry.layout import read_card
from ml.registry.store import model_files
from ml.training.bundle import write_bundle
from orchestration.settings import Environment
from orchestration.sites import Site
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.record import records
from orchestration.steps.releases import proposal
from orchestration.steps.watching import trigger_watch
from tests.unit.ml.serving.homes import tiny_model
from tests.unit.orchestration.steps.conftest import digest

from .ledgers import InFiles
from .power import Power
from .rollout import Clock, Rollout, Seen, make_home

BEGINS = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""Half an hour before the clocks of Berlin go back."""


BRIEFLY = settings(
    max_examples=10,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)
"""A few seconds of the same sequences each time; `make bench` looks longer, at others."""


def candidate(folder: Path) -> CandidateRecord:
    """What is remembered of a tiny model whose bundle is written to a folder."""
    write_bundle(tiny_model(), folder / "bundle")
    return CandidateRecord(
        use_case="triage",
        site="city",
        model=document_digest(model_files(folder / "bundle")),
        data=digest("data"),
        inputs=digest("inputs"),
        run_id="0" * 32,
        version="1",
        author="pilothouse.modelling.team",
        seed=7,
        train_until=BEGINS.isoformat(),
        test_from=BEGINS.isoformat(),
        n_train=700,
        n_test=300,
        as_of=BEGINS.isoformat(),
        manifest=digest("manifest"),
        contracts={"ehr_fhir": {"version": "1.0.0", "sha256": digest("contract")}},
        created_at=BEGINS.isoformat(),
    )


@contextmanager
def ready(made: CandidateRecord, ledgers: InFiles) -> Generator[type[Rollout]]:
    """A class of the machine that can run, over homes whose ledgers lie there; what it saw is its `seen`."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="pilothouse-rollout-") as folder:
        clock, power = Clock(BEGINS), Power(patch)
        patch.setattr(records, "datetime", clock)
        patch.setitem(os.environ, "TZ", "Europe/Berlin")
        time.tzset()
        keep_in_memory(patch)
        make_home(ledgers.settings(Path(folder) / "0"), made, BEGINS)
        records.open_records.cache_clear()

        class Ready(Rollout):
            pass

        Ready.clock, Ready.power, Ready.begins = clock, power, clock.at
        Ready.seen, Ready.folder, Ready.ledgers = Seen(), Path(folder), ledgers
        running: list[Rollout] = []

        def opened(machine: Rollout) -> None:
            running[:] = [machine]
            Rollout.__init__(machine)

        Ready.__init__ = opened  # type: ignore[method-assign]
        patch.setattr(trigger_watch, "read_signal", lambda _, trigger: running[0].reading(trigger))
        try:
            yield Ready
        finally:
            power.close()
            ledgers.close()
            records.open_records.cache_clear()
    time.tzset()


def keep_in_memory(patch: pytest.MonkeyPatch) -> None:
    """Read what never changes once: contracts, policies and cards by their content, entries that were believed."""
    contracts, real = dict[tuple[str, Environment], dict[str, dict[str, str]]](), proposal.contract_versions

    def versions(site: Site, environment: Environment) -> dict[str, dict[str, str]]:
        if (site.id, environment) not in contracts:
            contracts[site.id, environment] = real(site, environment)
        return contracts[site.id, environment]

    patch.setattr(proposal, "contract_versions", versions)
    patch.setattr(store, "read_card", _remembered(read_card))
    patch.setattr(load, "parse_policy", cache(load.parse_policy))
    for module in (ledger, chain):
        patch.setattr(module, "believe", cache(believe))


def _remembered(real: Callable[[Path], Any]) -> Callable[[Path], Any]:
    known: dict[bytes, Any] = {}

    def read(path: Path) -> Any:
        content = path.read_bytes()
        if content not in known:
            known[content] = real(path)
        return known[content]

    return read
