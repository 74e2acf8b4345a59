"""The safety case: named faults in a sandbox of the whole system are caught by the barrier that promises it.

A few of those of people, record, figures and service run here, in one sandbox that is made as `pilothouse run` makes a
home; all of them, a week of feeds among them, and more null runs are a part of `make bench`.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation.gates import Authorisation
from evaluation.ledger import Ledger
from evaluation.ledger.chain import Verification
from ml.serving.trusting import Trust
from orchestration.safety_case.running import Case, chosen_faults, keep_score, open_case
from orchestration.settings import Environment, Settings
from orchestration.steps.answer import Answer
from orchestration.steps.record import records
from orchestration.steps.releases import release

pytestmark = [
    pytest.mark.xdist_group("safety case"),  # one sandbox for all of them
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Dagster and its libraries, in this process
]

CAUGHT = (
    "edited-metrics",
    "forged-metrics",
    "home-made-older",
    "self-approval",
    "stolen-key",
    "skipped-stage",
    "tampered-ledger",
    "cut-ledger",
    "hanging-model",
    "dead-database",
    "unsigned-model",
    "hmac-token",
)
NOT_SEEN = "edited-mlflow"
Run = Callable[..., Answer]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """One sandbox, and one null run of each course, for all of the tests."""
    home = tmp_path_factory.mktemp("safety-case")
    urls = [f"sqlite:///{home / name}.db" for name in ("ledger", "mlflow", "events")]
    with open_case(Settings(home, Environment.DEVELOPMENT, *urls), _say) as opened:
        yield opened


@pytest.fixture(scope="module")
def run(case: Case) -> Run:
    def faults(*names: str, out: Path | None = None) -> Answer:
        return keep_score(case, chosen_faults(names), time.perf_counter(), out=out)

    return faults


def _say(message: str) -> None:
    print(message, file=sys.stderr)


@pytest.fixture(scope="module")
def board(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return run(*CAUGHT, NOT_SEEN, out=tmp_path_factory.mktemp("board"))


def lines(answer: Answer) -> dict[str, dict[str, Any]]:
    return {one["fault"]: one for one in answer.document["faults"]}


@pytest.mark.parametrize("fault", CAUGHT)
def test_a_fault_is_caught_by_the_barrier_that_promises_it_and_reaches_nobody(board: Answer, fault: str) -> None:
    line = lines(board)[fault]
    counts_cards = line["family"] == "serving"
    assert line["detected"] and line["contained"] is (True if counts_cards else None), line
    assert line["said"] and line["seconds"] < 60
    assert not line["reached"]["model"] and not line["reached"]["cards"]


def test_a_blind_spot_is_told_as_not_detected_with_its_reason(board: Answer) -> None:
    line = lines(board)[NOT_SEEN]
    assert not line["detected"] and line["blind_spot"]
    assert (board.exit_code, board.document["missed"], board.document["blind_spots"]) == (0, [], [NOT_SEEN])


def test_nothing_cries_wolf_where_nothing_is_wrong(board: Answer) -> None:
    [seven] = board.document["null_runs"]["runs"]
    assert seven["alarms"] == [], "see what was said"
    found = board.document["null_runs"]["barriers"]
    assert found.keys() == {"gate", "ledger", "release", "service"}
    assert all(one["looks"] > 0 for one in found.values())


def test_the_page_says_what_it_is_and_every_verdict(board: Answer) -> None:
    page = Path(board.document["page"]).read_text("utf-8")
    assert "nothing here is a clinical claim" in page
    assert page.count(">detected</span>") == len(CAUGHT) and page.count(">blind spot</span>") == 1


def gate_that_allows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        release, "authorise", lambda _, __, approvals, *___, **____: Authorisation(tuple(approvals), ())
    )


def ledger_that_believes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Ledger.believed
    monkeypatch.setattr(records, "agreements", lambda *_: [])  # what `verify` holds pointers against as well
    monkeypatch.setattr(Ledger, "believed", lambda *given: (Verification(ok=True, entries=0), real(*given)[1]))


def service_that_trusts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(trust: Trust) -> None:
        trust.clients = None  # as in development, where nobody is asked who they are

    monkeypatch.setattr(Trust, "look", look)


@pytest.mark.parametrize(
    ("fault", "switch_off"),
    [
        ("expired-approval", gate_that_allows_all),
        ("tampered-ledger", ledger_that_believes_all),
        ("hmac-token", service_that_trusts_all),
    ],
    ids=["gate", "ledger", "service"],
)
def test_a_barrier_that_is_switched_off_turns_its_line_red(
    run: Run, monkeypatch: pytest.MonkeyPatch, fault: str, switch_off: Callable[[pytest.MonkeyPatch], None]
) -> None:
    switch_off(monkeypatch)
    answer = run(fault)
    assert not lines(answer)[fault]["detected"]
    assert (answer.exit_code, answer.document["missed"]) == (1, [fault])
