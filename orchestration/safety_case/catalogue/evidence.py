"""Faults of learning and of its figures: what a model was allowed to see, and what is said of how good it is.

What does not belong here: who signs for it (people).
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from evaluation.canonical import document_digest
from evaluation.evidence import Evidence, Figure, read_evidence, write_evidence
from ml.registry.signing import Signer
from ml.usecases import load_use_case
from orchestration.safety_case.board import Board
from orchestration.safety_case.faults import Barrier, BoardFault
from orchestration.safety_case.sandbox import SITE, USE_CASE
from orchestration.steps.drills.rehearsal import rehearse_as_evidence
from orchestration.steps.files import file_sha256
from orchestration.steps.home import FILE as HOME_FILE
from orchestration.steps.home import open_home
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.evidence import measure_drift
from orchestration.steps.learning.signed_evidence import SUFFIX, write_signed

FAMILY = "learning"
OUTCOME = "critical_care"
LEAKING, TOLD = "heart_rate", 200
"""The feature that is made to know the outcome: it is read at triage, and nobody would wonder that it matters."""


def _evidence(board: Board, kind: str) -> Path:
    [path] = (board.home / "evidence" / USE_CASE / SITE).glob(f"{kind}-*.json")
    return path


def _missing(board: Board) -> None:
    _evidence(board, "rehearsal").unlink()
    board.fault_is_in()
    board.release()


def _edited(board: Board) -> None:
    path = _evidence(board, "performance")
    document = json.loads(path.read_bytes())
    document["figures"][f"{OUTCOME}.auroc"]["value"] = 0.99
    path.unlink()
    path.write_text(json.dumps(document))
    board.fault_is_in()
    board.release()


def _forged(board: Board) -> None:
    """As somebody who knows the form: written anew, with the digest that belongs to it, and signed with another key."""
    folder, better = _better(board)
    write_signed(folder, better, Signer(Ed25519PrivateKey.generate()))
    board.fault_is_in()
    board.release()


def _better(board: Board) -> tuple[Path, Evidence]:
    """Take the real document away; give what somebody would rather have measured."""
    path = _evidence(board, "performance")
    real = read_evidence(path)
    path.unlink()
    path.with_suffix(SUFFIX).unlink()
    figure = Figure(0.99, 0.98, 1.0, n=9000, n_events=900)
    return path.parent, replace(real, figures={**real.figures, f"{OUTCOME}.auroc": figure})


def _made_older(board: Board) -> None:
    """As somebody who lets the home sign: a home of before evidence was signed has what lies there signed once."""
    write_evidence(*_better(board))
    (board.home / HOME_FILE).unlink()
    open_home(board.settings)
    board.fault_is_in()
    board.release()


def _mlflow(board: Board) -> None:
    with closing(sqlite3.connect(board.home / "mlflow.db")) as database:
        for table in ("metrics", "latest_metrics"):
            database.execute(f"update {table} set value = 0.99 where key like '%auroc%'")
        database.commit()
    board.fault_is_in()
    board.release()


def _declared(board: Board) -> None:
    """The outcome's own column stands among the features of the declaration."""
    declared = load_use_case(USE_CASE)
    document = declared.model_dump(mode="json", by_alias=True, exclude_unset=True)
    label = next(one.label_column for one in declared.outcomes if one.name == OUTCOME)
    document["features"][0]["name"] = label
    board.fault_is_in()
    try:
        type(declared).model_validate(document)
    except ValidationError as error:
        board.tell(Barrier.GATE, "declaration", error.errors()[0]["msg"])


def _hidden(board: Board) -> None:
    """A reading of the mart is overwritten where the outcome came about: as a join does that takes later readings."""
    _rewrite_mart(board)
    board.fault_is_in()
    settings, kind = board.settings, kind_of(USE_CASE)
    kind.train(settings, USE_CASE, SITE)
    kind.judge(settings, USE_CASE, SITE)
    measure_drift(settings, USE_CASE, SITE)
    rehearse_as_evidence(settings, USE_CASE, SITE)
    board.approve_all()
    board.promote()


def _rewrite_mart(board: Board) -> None:
    snapshots = board.home / "snapshots"
    pointer = snapshots / "current.json"
    document = json.loads(pointer.read_bytes())
    path = snapshots / document["digest"] / "triage_mart.parquet"
    mart = pq.read_table(path)
    label = next(one.label_column for one in load_use_case(USE_CASE).outcomes if one.name == OUTCOME)
    known = mart[label].cast(pa.bool_()).fill_null(False)
    came = zip(known.to_pylist(), mart[LEAKING].to_pylist(), strict=True)
    told = pa.array([TOLD if one else reading for one, reading in came], mart[LEAKING].type)
    path.unlink()
    pq.write_table(mart.set_column(mart.column_names.index(LEAKING), LEAKING, told), path)
    document["tables"]["triage_mart"]["sha256"] = file_sha256(path)
    digest = document_digest({name: one["sha256"] for name, one in document["tables"].items()})
    path.parent.rename(snapshots / digest)
    pointer.unlink()
    pointer.write_text(json.dumps({**document, "digest": digest}))


READABLE, REHEARSED, DECLARED = "evidence-is-readable", "rollback-rehearsed", "declaration"
TOO_GOOD = "figures-too-good"
"""What no gate says today: whatever else it says of a model that knows the outcome does not find the leak."""


def _fault(name: str, title: str, done: str, alarm: str, act: Callable[[Board], None], blind: str = "") -> BoardFault:
    told: dict[str, Any] = {"barrier": Barrier.GATE, "alarm": (alarm,)}
    return BoardFault(id=name, family=FAMILY, title=title, done=done, act=act, blind=blind, **told)


EVIDENCE = (
    _fault("unrehearsed", "No rehearsal", "The evidence of the rehearsed rollback is deleted.", REHEARSED, _missing),
    _fault(
        "edited-metrics",
        "Faked metrics: a figure edited",
        "In the evidence on disk the AUROC is set to 0.99.",
        READABLE,
        _edited,
    ),
    _fault(
        "forged-metrics",
        "Faked metrics: a document forged",
        "The evidence is written anew with an AUROC of 0.99, the digest that belongs to it, and another's signature.",
        READABLE,
        _forged,
    ),
    _fault(
        "home-made-older",
        "Faked metrics: the home is made to sign",
        "The forged document lies there without a signature, and the home is made to look as of before there were any.",
        READABLE,
        _made_older,
    ),
    _fault(
        "edited-mlflow",
        "Faked metrics: edited in MLflow",
        "In MLflow's database every AUROC is set to 0.99.",
        TOO_GOOD,
        _mlflow,
        blind="MLflow's figures are shown to people and read by no gate, so nothing compares them with the evidence; "
        "the gate decides as it did before.",
    ),
    _fault(
        "declared-label",
        "Leaked label: declared",
        "The outcome's own column is declared as a feature.",
        DECLARED,
        _declared,
    ),
    _fault(
        "leaked-label",
        "Leaked label: hidden in a feature",
        f"In the mart {LEAKING} is {TOLD} wherever {OUTCOME} came about; the model is trained on that and judged.",
        TOO_GOOD,
        _hidden,
        blind="No clause refuses figures that are too good, so the gate lets such a model into shadow, where nobody "
        "sees it. What is meant to find it comes before anything is shown: served features against the warehouse's "
        "(parity), and the figures in shadow.",
    ),
)
