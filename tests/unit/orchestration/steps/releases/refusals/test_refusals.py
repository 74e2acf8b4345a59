"""The table of refusals: each is brought about through the real step or gate, says what was found, what is wanted and
what would meet it, and changes nothing; and none that the source can make is missing."""

import importlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation import EvaluationError
from evaluation.evidence import Evidence, Figure
from evaluation.gates import decide
from evaluation.gates.transitions import REFUSALS
from evaluation.policies import Stage, load_policy
from ml.registry import RegistryError
from ml.usecases import use_case_names
from orchestration.steps.errors import StepError
from orchestration.steps.record.records import open_records
from tests.unit.evaluation.gates.conftest import NOW, Case, Room, meeting
from tests.unit.ml.serving.homes import Home
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import Governed

from ..challenged import candidate, city_record
from ..running import keep_in_memory
from .of_ledger import an_empty_ledger
from .rows import BESIDE, CANDIDATE, GATE, KEY, LEDGER, ROWS, SHOWN, Row, reasons_of, state_of
from .sites import policy_clauses, sites, watched

TABLE = (
    "of_gates",
    "of_reasons",
    "of_ledger",
    "of_records",
    "of_pointers",
    "of_promotions",
    "of_glasses",
    "of_approvals",
    "of_going_down",
    "of_challengers",
    "of_plans",
    "of_homes",
)
for module in TABLE:
    importlib.import_module(f"{__package__}.{module}")
LEAST_WORDS = 8
"""Characters: less is a word and no sentence."""


@pytest.fixture(scope="module", autouse=True)
def _kept_in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        keep_in_memory(patch)
        yield


@pytest.fixture(scope="module")
def candidate_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with people and a candidate that meets every clause of the policy; nothing is released."""
    folder = tmp_path_factory.mktemp("candidate")
    (folder / "home").mkdir()
    one = Governed.at(settings_of(folder / "home"))
    candidate(one.settings, city_record(), 12, folder / "first")
    open_records.cache_clear()
    return one.settings.home


HOMES = {CANDIDATE: "candidate_home", SHOWN: "incumbent_home", BESIDE: "challenged_home"}


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Row], Any]]:
    """What a row begins with."""

    def begin(row: Row) -> Any:
        if row.begins == GATE:
            return Room(Case())
        if row.begins in (LEDGER, KEY):
            (tmp_path / "home").mkdir()
            return (an_empty_ledger if row.begins == LEDGER else Home.at)(tmp_path / "home")
        shutil.copytree(request.getfixturevalue(HOMES[row.begins]), tmp_path / "home")
        return Governed(settings_of(tmp_path / "home"))

    yield begin
    open_records.cache_clear()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_refused_says_why_and_changes_nothing(
    row: Row, place: Callable[[Row], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = row.bring(place(row), monkeypatch)
    before = state_of(tmp_path / "home")
    with watched() as seen:
        try:
            result = order()
        except (StepError, EvaluationError, RegistryError) as error:
            result = error
    assert set(row.sites) <= seen, f"it did not come by {set(row.sites) - seen}, only by {sorted(seen)}"
    (_require_error if row.is_error else _require_reason)(row, result)
    assert row.goes_down or state_of(tmp_path / "home") == before, "a refusal changes nothing"


def _require_error(row: Row, result: Any) -> None:
    told = str(result)
    if isinstance(result, dict):
        told = " ".join(result["warnings"])
    else:
        assert type(result).__name__ == row.clause, repr(result)
    for words in row.words:
        assert words in told, told


def _require_reason(row: Row, result: Any) -> None:
    found = reasons_of(result)
    figure, threshold, to_meet = row.words
    mine = [one for one in found if one["clause"] == row.clause and figure in one["figure"]]
    assert len(mine) == 1, found
    assert threshold in mine[0]["threshold"] and to_meet in mine[0]["to_meet"], mine
    assert len(mine[0]["to_meet"]) >= LEAST_WORDS and not any(one.isspace() or not one for one in mine[0].values())


@pytest.mark.parametrize("use_case", use_case_names())
def test_every_clause_of_every_policy_refuses_with_figure_threshold_and_remedy(use_case: str) -> None:
    policy, made = load_policy(use_case), meeting(load_policy(use_case))
    subject = Case(policy=policy).subject
    for clause in policy.clauses_for(Stage.DECISION_SUPPORT):
        spoilt = {**made, clause.kind: {**made[clause.kind], clause.figure: Figure(None)}}
        given = [
            Evidence(kind, use_case, "city", subject.model, subject.data, NOW, each, {})
            for kind, each in spoilt.items()
        ]  # type: ignore[arg-type]
        with watched() as seen:
            refused = {
                one.clause: one
                for one in decide(policy, Stage.DECISION_SUPPORT, given, subject, site="city", now=NOW).refusals
            }
        mine = refused[clause.id]
        assert "decision.refusal" in seen and clause.figure in mine.figure and mine.threshold == clause.requirement
        assert mine.to_meet == clause.to_meet and len(mine.to_meet) >= LEAST_WORDS


def test_every_refusal_that_the_source_can_make_has_a_row() -> None:
    told = {site for row in ROWS for site in row.sites}
    assert told == set(sites()), "left: rows of no site; right: refusals without a row"


def test_every_clause_that_the_source_can_name_has_a_row() -> None:
    of_policies = policy_clauses()
    for site in sites().values():
        named = [row.clause for row in ROWS if site.name in row.sites]
        for pattern in site.clauses:
            is_told = any(re.fullmatch(pattern, one) for one in named)
            assert is_told or pattern.replace("\\", "") in of_policies, f"{site.name} refuses with {pattern}: no row"
    assert {row.clause for row in ROWS} >= set(REFUSALS), "every refusal of the table of steps"
