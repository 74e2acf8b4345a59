"""Null runs are counted by barrier: how often it was looked at, and how often it cried wolf."""

from orchestration.safety_case.faults import Alarm, Barrier, Outcome
from orchestration.safety_case.null_runs import as_null_run, counted


def test_looks_and_alarms_are_counted_by_barrier_over_all_seeds() -> None:
    wolf = Outcome((Alarm(Barrier.GATE, "clause", "wolf", 0.1),), looks={"gate": 3, "ledger": 1})
    runs = [as_null_run(7, {"a release": wolf}), as_null_run(8, {"a release": Outcome(looks={"gate": 3})})]
    found = counted(runs)
    assert (found["looks"], found["alarms"]) == (7, 1)
    assert found["barriers"] == {"gate": {"looks": 6, "alarms": 1}, "ledger": {"looks": 1, "alarms": 0}}
    assert found["runs"][0]["alarms"] == [{"course": "a release", "barrier": "gate", "about": "clause", "said": "wolf"}]


def test_a_barrier_that_was_never_looked_at_is_not_told_as_quiet() -> None:
    assert counted([as_null_run(7, {"a release": Outcome(looks={"gate": 1})})])["barriers"].keys() == {"gate"}
