"""The rollout machine again, with every ledger in PostgreSQL: a few of the same sequences, and a kill at its commit."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from evaluation.policies import Stage
from orchestration.steps.record.records import open_records

from .ledgers import InPostgres
from .rollout import Rollout
from .running import BRIEFLY, candidate, ready


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[Rollout]]:
    url = os.environ.get("PILOTHOUSE_TEST_POSTGRES_URL")
    if not url:
        pytest.skip("PILOTHOUSE_TEST_POSTGRES_URL is not set")
    with ready(candidate(tmp_path_factory.mktemp("bundle")), InPostgres(url)) as made:
        yield made


def test_the_same_holds_where_the_ledger_lies_on_a_server(machine: type[Rollout]) -> None:
    run_state_machine_as_test(machine, settings=settings(BRIEFLY, max_examples=2, stateful_step_count=8))
    assert machine.seen.killed >= 1 and len(machine.seen.cells) >= 4


def test_a_promotion_that_is_killed_before_the_server_commits_is_not_there_and_can_be_asked_for_again(
    machine: type[Rollout],
) -> None:
    one, killed = machine(), machine.power.kills["ledger.db commit"]
    one.open(1)
    before = _promoted(one)
    one.go_up(("ledger.db commit", 0), False)
    assert machine.power.kills["ledger.db commit"] == killed + 1
    assert _promoted(one) == before and one.stands == Stage.SHADOW
    one.go_up(None, False)
    assert len(_promoted(one)) == len(before) + 1 and one.stands == Stage.ASSISTIVE
    assert not (one.one.settings.home / "ledger.db").exists(), "its ledger is on the server alone"
    one.teardown()


def _promoted(one: Rollout) -> list[str]:
    return [entry.hash for entry in open_records(one.one.settings).entries(kinds=("promotion",))]
