"""One row of the table of refusals: how it is brought about, by which site, under which clause, and in which words."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

Order = Callable[[], Any]
Bring = Callable[[Any, pytest.MonkeyPatch], Order]
GATE, LEDGER, KEY = "gate", "ledger", "key"
CANDIDATE, SHOWN, BESIDE = "candidate", "shown", "beside"
"""What a row begins with: the gate alone, a ledger alone, a home with a release key alone; or a home with a candidate,
with a release that is shown and a newer candidate, with that one as a challenger."""

FOLDERS = ("pointers", "challengers", "releases", "pending")
ROWS: list["Row"] = []


@dataclass(frozen=True)
class Row:
    """`bring` prepares a place and returns the order that is refused, which changes nothing; or goes down and tells it
    (`goes_down`). `words` must be told: of a clause its figure, threshold and what would meet it; of an error any."""

    name: str
    sites: tuple[str, ...]
    clause: str
    words: tuple[str, ...]
    begins: str
    bring: Bring
    is_error: bool
    goes_down: bool


def refuses(*sites: str, clause: str, words: tuple[str, str, str], begins: str = GATE) -> Callable[[Bring], Bring]:
    """Add a row: the order is refused with a clause, whose figure, threshold and remedy hold these words."""
    return _row(sites, clause, words, begins, is_error=False, goes_down=False)


def fails(
    *sites: str, error: str, words: tuple[str, ...], begins: str = GATE, goes_down: bool = False
) -> Callable[[Bring], Bring]:
    """Add a row: the order ends in an error of this kind whose sentence holds these words; or, where it goes down all
    the same, tells them as a warning."""
    return _row(sites, error, words, begins, is_error=True, goes_down=goes_down)


def _row(
    sites: tuple[str, ...], clause: str, words: tuple[str, ...], begins: str, *, is_error: bool, goes_down: bool
) -> Callable[[Bring], Bring]:
    def add(bring: Bring) -> Bring:
        ROWS.append(Row(bring.__name__, sites, clause, words, begins, bring, is_error, goes_down))
        return bring

    return add


def reasons_of(result: Any) -> list[dict[str, str]]:
    """The reasons of whatever said no: an answer, what a gate returns, or an error that carries them."""
    if isinstance(result, tuple | list):
        return [one.to_json() for one in result]
    if hasattr(result, "figure"):
        return [result.to_json()]
    for name in ("reasons", "refusals"):
        if hasattr(result, name):
            return [one.to_json() for one in getattr(result, name)]
    document: Mapping[str, Any] = getattr(result, "document", {})
    assert getattr(result, "exit_code", 1) == 1, f"it was not refused: {sorted(document)}"
    return list(document.get("reasons") or document.get("refused_by") or [])


def state_of(home: Path) -> dict[str, Any]:
    """What a refusal leaves as it is: every entry but those that tell of refusals, and every pointer and release."""
    found = [path for one in FOLDERS for path in (home / one).rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {
        "entries": _entries(home / "ledger.db"),
        **{str(path.relative_to(home)): path.read_bytes() for path in found},
    }


def _entries(ledger: Path) -> Any:
    query = "select hash from pilothouse_entries where kind <> 'promotion_refused' order by seq"
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as database:
            return database.execute(query).fetchall()
    except sqlite3.Error:
        return ledger.exists() and ledger.read_bytes()
