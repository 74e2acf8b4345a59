"""Faults of the record and of what is released: by somebody who can write the files of the home.

What does not belong here: faults of people, who use the product as it is meant (people).
"""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from orchestration.safety_case.board import Board
from orchestration.safety_case.faults import Barrier, BoardFault
from orchestration.safety_case.sandbox import SITE, USE_CASE
from orchestration.steps.record.records import CHECKPOINT, open_records
from orchestration.steps.releases.going_down import roll_back

FAMILY = "record"
ENTRIES = "pilothouse_entries"


def _writing(board: Board, statement: str, *values: object) -> None:
    """Write into the ledger's database as somebody with the file would: its triggers are dropped first."""
    open_records.cache_clear()
    with closing(sqlite3.connect(board.home / "ledger.db")) as database:
        for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f'drop trigger "{trigger}"')
        database.execute(statement, values)
        database.commit()


def _edited_entry(board: Board) -> None:
    board.release()
    _writing(board, f"update {ENTRIES} set actor = ? where kind = 'promotion'", "somebody.else")
    board.fault_is_in()


def _deleted_entry(board: Board) -> None:
    board.release()
    _writing(board, f"delete from {ENTRIES} where seq = 2")
    board.fault_is_in()


def _last_entry(board: Board) -> None:
    board.release()
    _writing(board, f"delete from {ENTRIES} where seq = (select max(seq) from {ENTRIES})")
    board.fault_is_in()


def _older_ledger(board: Board) -> None:
    """The whole ledger with its signed head, as they were before the release."""
    files = [board.home / name for name in ("ledger.db", CHECKPOINT)]
    open_records.cache_clear()
    kept = [path.read_bytes() for path in files]
    board.release()
    open_records.cache_clear()
    for path, content in zip(files, kept, strict=True):
        path.write_bytes(content)
    for log in board.home.glob("ledger.db-*"):
        log.unlink()
    board.fault_is_in()


def _pointer(board: Board) -> Path:
    return board.home / "pointers" / USE_CASE / f"{SITE}.json"


def _wound_back(board: Board) -> None:
    board.release()
    old = _pointer(board).read_bytes()
    with board.told():
        roll_back(board.settings, USE_CASE, SITE, None, "It looks wrong.")
    board.rightful.clear()
    _replace(_pointer(board), old)
    board.fault_is_in()


def _raised_pointer(board: Board) -> None:
    board.release()
    document = json.loads(_pointer(board).read_bytes())
    _replace(_pointer(board), json.dumps({**document, "stage": "decision_support"}).encode())
    board.rightful.clear()
    board.fault_is_in()


def _released(board: Board) -> Path:
    [folder] = [path for path in (board.home / "releases").iterdir() if path.is_dir()]
    return folder


def _altered_model(board: Board) -> None:
    board.release()
    model = next((_released(board) / "model").glob("critical_care*"))
    _replace(model, model.read_bytes() + b"\n")
    board.fault_is_in()


def _unsigned_release(board: Board) -> None:
    """A release folder of another's making: the same, but with a signature that is none."""
    board.release()
    signature = _released(board) / "manifest.sig"
    _replace(signature, bytes(len(signature.read_bytes())))
    board.fault_is_in()


def _swapped_candidate(board: Board) -> None:
    """Between the signatures and the promotion, the model that was signed is swapped for another."""
    board.approve_all()
    [bundle] = (board.home / "candidates" / USE_CASE / SITE).glob("*/bundle")
    model = next(bundle.glob("critical_care*"))
    _replace(model, model.read_bytes() + b"\n")
    board.fault_is_in()
    board.promote()


def _replace(path: Path, content: bytes) -> None:
    """Put another file in the place of one, which may be linked to the sandbox that others are copied from."""
    draft = path.with_name(f".{path.name}.fault")
    draft.write_bytes(content)
    shutil.copymode(path, draft)
    draft.replace(path)


Told = tuple[Barrier, str]
ENTRY, POINTER = (Barrier.LEDGER, "entry"), (Barrier.LEDGER, "pointer")
SERVED, POINTED = (Barrier.RELEASE, "release"), (Barrier.RELEASE, "pointer")


def _fault(name: str, title: str, done: str, told: Told, act: Callable[[Board], None]) -> BoardFault:
    barrier, alarm = told
    return BoardFault(id=name, family=FAMILY, title=title, done=done, barrier=barrier, alarm=(alarm,), act=act)


RECORD = (
    _fault(
        "tampered-ledger",
        "Tampered ledger entry",
        "The entry of the promotion is given another actor in the database.",
        ENTRY,
        _edited_entry,
    ),
    _fault("deleted-entry", "Deleted ledger entry", "The second entry is deleted.", ENTRY, _deleted_entry),
    _fault("cut-ledger", "The ledger's end is cut off", "The newest entry is deleted.", ENTRY, _last_entry),
    _fault(
        "older-ledger",
        "An older ledger is put back",
        "Ledger and signed head are replaced by those of before the release.",
        POINTER,
        _older_ledger,
    ),
    _fault(
        "wound-back-pointer",
        "A pointer is wound back",
        "After a rollback the pointer of before it is put back.",
        POINTER,
        _wound_back,
    ),
    _fault(
        "raised-pointer",
        "A pointer is raised by hand",
        "The pointer's stage is edited from shadow to decision support.",
        POINTED,
        _raised_pointer,
    ),
    _fault(
        "altered-model",
        "The released model is altered",
        "One byte is added to a model file of the release.",
        SERVED,
        _altered_model,
    ),
    _fault(
        "unsigned-release",
        "Unsigned release",
        "The signature of the manifest is replaced by one that is none.",
        SERVED,
        _unsigned_release,
    ),
    _fault(
        "swapped-candidate",
        "The model is swapped after it was signed",
        "After both approvals one byte is added to the candidate's model; then it is promoted.",
        (Barrier.GATE, "ManifestError"),
        _swapped_candidate,
    ),
)
