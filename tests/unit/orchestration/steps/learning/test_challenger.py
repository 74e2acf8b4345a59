"""Two models on the same visits: pairs, what is known of outcomes, and whose scores are whose."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import duckdb
import pyarrow as pa
import pytest

from ml.usecases import load_use_case
from orchestration.steps.learning.challenger import Side, pairs_of, share_of_calls, side_by_side
from orchestration.steps.learning.overrides import Shown
from orchestration.steps.learning.shadow import ANSWERED, BESIDE, Served
from orchestration.steps.learning.stores import CandidateRecord
from tests.unit.orchestration.steps.conftest import NOON

Record = Callable[..., CandidateRecord]
OUTCOMES = [one.name for one in load_use_case("triage").outcomes]


def side(record: CandidateRecord, visits: Sequence[str], scores: Sequence[float], calls: Sequence[str] = ()) -> Side:
    """One call per minute, of the visits and `calls` in turn; the first half of the alphabet has the outcome."""
    use_case, firsts = load_use_case("triage"), list(dict.fromkeys(visits))
    moments = [NOON + timedelta(minutes=n) for n in range(len(visits))]
    texts = [json.dumps(dict.fromkeys(OUTCOMES, score)) for score in scores]
    happened = [name < "n" for name in firsts]
    columns: dict[str, object] = {
        "visit_key": firsts,
        "at": [moments[visits.index(name)] for name in firsts],
        "scores": [texts[visits.index(name)] for name in firsts],
        use_case.practice.column: [3] * len(firsts),
        **{one.label_column: happened for one in use_case.outcomes},
    }
    nothing = pa.table({name: pa.array([], pa.string()) for name in ("response", "reason_code", "unit", "shift")})
    names = list(calls) or [f"call {name}" for name in visits]
    every = {"visit_key": list(visits), "hook_instance": names, "at": moments, "scores": texts}
    return Side(Served(record, pa.table(columns), Shown(nothing)), pa.table(every))


def test_only_visits_that_both_scored_are_compared_each_with_its_own(record: Record) -> None:
    new = side(record("new"), ["b", "z", "a"], [0.2, 0.1, 0.9])
    old = side(record("old"), ["a", "b", "c"], [0.3, 0.4, 0.5])
    pairs = pairs_of(new, old)
    assert pairs.rows["visit_key"].to_pylist() == ["b", "a"]
    assert [one[OUTCOMES[0]] for one in pairs.new_scores] == [0.2, 0.9]
    assert [one[OUTCOMES[0]] for one in pairs.old_scores] == [0.4, 0.3]


def test_a_pair_is_the_first_call_that_both_scored(record: Record) -> None:
    old = side(record("old"), ["a", "a", "a", "b"], [0.1, 0.2, 0.3, 0.4], ["1", "2", "3", "4"])
    new = side(record("new"), ["a", "a", "b"], [0.7, 0.8, 0.9], ["2", "3", "another"])
    pairs = pairs_of(new, old)
    assert pairs.rows["visit_key"].to_pylist() == ["a"] and pairs.rows["at"].to_pylist() == [NOON]
    found = [[one[OUTCOMES[0]] for one in each] for each in (pairs.new_scores, pairs.old_scores)]
    assert found == [[0.7], [0.2]]


def test_the_share_of_calls_is_of_those_that_the_other_scored_since_the_challenger_came(record: Record) -> None:
    old = side(record("old"), ["a", "a", "b", "c"], [0.1, 0.2, 0.3, 0.4], ["1", "2", "3", "4"])
    new = side(record("new"), ["a", "c", "z"], [0.7, 0.8, 0.9], ["2", "4", "9"])
    for minutes, share in ((0, 2 / 4), (1, 2 / 3), (2, 1 / 2), (3, 1.0), (4, None)):
        assert share_of_calls(new, old, NOON + timedelta(minutes=minutes)).value == share


def test_the_evidence_is_the_challengers_and_names_the_other(record: Record) -> None:
    visits = ["a", "b", "c", "x", "y", "z"]
    new = side(record("new"), visits, [0.9, 0.8, 0.7, 0.3, 0.02, 0.01])
    old = side(record("old", version="4"), visits, [0.9, 0.01, 0.7, 0.8, 0.02, 0.01])
    found = side_by_side(new, old, load_use_case("triage"), NOON)
    assert (found.kind, found.subject_model) == ("side_by_side", record("new").model)
    assert (found.detail["beside_model"], found.detail["beside_version"]) == (record("old").model, "4")
    for outcome in OUTCOMES:
        figure = found.figures[f"side_by_side.{outcome}.auroc_difference"]
        assert figure.value == pytest.approx(1.0 - 5.5 / 9) and (figure.n, figure.n_events) == (6, 3)
        sides = (found.figures[f"side_by_side.{outcome}.auroc.{side}"].value for side in ("challenger", "release"))
        assert list(sides) == [1.0, pytest.approx(5.5 / 9)]
    shown = [found.figures[f"side_by_side.alerts_per_100.{side}"] for side in ("challenger", "release")]
    assert [(one.value, one.n_events) for one in shown] == [(pytest.approx(400 / 6), 4), (pytest.approx(50.0), 3)]
    alerts = found.figures["side_by_side.alerts_per_100_difference"]
    assert (alerts.value, alerts.n_events) == (pytest.approx(100 / 6), 1)
    assert found.figures["side_by_side.both_alert"].value == 3 / 6
    assert found.figures["side_by_side.visits"].value == 6


def test_without_a_pair_no_figure_has_a_value(record: Record) -> None:
    found = side_by_side(
        side(record("new"), ["a"], [0.5]), side(record("old"), ["b"], [0.5]), load_use_case("triage"), NOON
    )
    assert found.figures["side_by_side.visits"].value == 0
    assert found.figures["side_by_side.share_of_calls"].value == 0
    counts = ("visits", "share_of_calls")
    assert all(figure.value is None for name, figure in found.figures.items() if not name.endswith(counts))


def test_a_card_that_was_shown_counts_for_the_challengers_score_of_that_call() -> None:
    columns = "kind, hook_instance, is_displayed, use_case, site"
    tables = {
        "answered": "('call', 'h1', true, 'triage', 'city'), ('call', 'h2', false, 'triage', 'city')",
        "challenged": ", ".join(f"('challenger', 'h{n}', false, 'triage', 'city')" for n in (1, 2, 3)),
    }
    with duckdb.connect() as connection:
        for name, rows in tables.items():
            connection.sql(f"create table {name} as select * from (values {rows}) as t ({columns})")
        both = BESIDE.replace("'{events}'", "answered").replace("'{challenged}'", "challenged")
        found = connection.sql(f"select hook_instance, is_displayed from ({both}) where kind <> 'call' order by 1")
        assert found.fetchall() == [("h1", True), ("h2", False), ("h3", False)]
        alone = ANSWERED.replace("'{events}'", "answered")
        assert connection.sql(f"select count(*) from ({alone})").fetchall() == [(2,)]
