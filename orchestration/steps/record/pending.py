"""Orders to go down that took effect and are not on the ledger yet: kept beside it, recorded as soon as it works.

A step down never waits for the ledger (decision 0004). It is written here first, as one file, and leaves when its
entry is on the ledger; what stays is what a damaged ledger could not take. What does not belong here: taking the step
(going_down), and steps up, which the ledger always precedes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from evaluation.ledger import (
    WITHDRAWN,
    Entry,
    Ledger,
    RefusedEntryError,
    check_payload,
    claimed,
    instant_text,
    is_person,
    parse_instant,
)
from evaluation.policies import Stage, Tier
from orchestration.settings import Settings
from orchestration.steps.errors import StepError, said
from orchestration.steps.files import write_json_durably
from orchestration.steps.patience import held_within

SCHEMA = "pilothouse.pending/1"
FOLDER = "pending"
RECORD = "record"
MEMBERS = {RECORD, "kind", "actor", "payload", "made_at"}
LOCK, LOCK_SECONDS = "pending", 5.0
NOT_YET = 2**62
"""Stands for the number of an entry that has none yet: after every one that has."""


class NotAnOrderDown(StepError):
    """A pending file holds no order to go down; nothing else is recorded from one."""


@dataclass(frozen=True)
class Pending:
    """One order to go down, as it is to be recorded. `record` names it, so that it is recorded once."""

    record: str
    kind: str
    actor: str
    payload: Mapping[str, Any]
    made_at: datetime

    def entry(self) -> Entry:
        """As an entry without a place in the chain: to be counted with those that have one."""
        return Entry(NOT_YET, self.made_at, self.kind, self.actor, self.payload, "", "", "")


@dataclass(frozen=True)
class Waiting:
    """A pending file: the order in it, or why it holds none; and why it is not recorded."""

    path: Path
    order: Pending | None
    reason: str

    def may_concern(self, use_case: str, site: str) -> bool:
        """Whether it is about this place, or nobody can say what it is about."""
        where = self.order and (self.order.payload["use_case"], self.order.payload["site"])
        return where in (None, (use_case, site))


def new_record() -> str:
    """Return a name for one order."""
    return uuid4().hex[:16]


def keep(settings: Settings, order: Pending) -> Path:
    """Write an order beside the ledger, durably; returns its file."""
    moment = f"{order.made_at:%Y%m%dT%H%M%S%f}"
    path = settings.home / FOLDER / f"{moment}-{order.record}.json"
    members = {"record": order.record, "kind": order.kind, "actor": order.actor, "payload": dict(order.payload)}
    write_json_durably(path, {"schema": SCHEMA, "made_at": instant_text(order.made_at), **members})
    return path


def waiting(settings: Settings) -> list[Waiting]:
    """Return what waits, oldest first; never raises."""
    return [_read(path) for path in sorted((settings.home / FOLDER).glob("*.json"))]


def record_waiting(settings: Settings, ledger: Ledger, at: datetime) -> list[Waiting]:
    """Record everything that waits, in order; returns what could not be, each with the reason. Never raises."""
    found = waiting(settings)
    if not found:
        return []
    with held_within(settings.home, LOCK, LOCK_SECONDS) as held:
        if not held:
            return [Waiting(one.path, one.order, "another process is recording what waits") for one in found]
        return [left for one in waiting(settings) if (left := _record(ledger, one, at)) is not None]


def _record(ledger: Ledger, one: Waiting, at: datetime) -> Waiting | None:
    if one.order is None:
        return one
    try:
        write(ledger, one.order, at)
        one.path.unlink(missing_ok=True)
    except Exception as error:  # noqa: BLE001 - what waits must never keep a command from doing its work
        return Waiting(one.path, one.order, said(error))
    return None


def write(ledger: Ledger, order: Pending, at: datetime) -> Entry:
    """Put an order on the ledger, once. A signature that the ledger does not accept is left out, and says so.

    Raises `LedgerError`.
    """
    for entry in ledger.entries(kinds=(order.kind,)):
        detail = entry.payload.get("detail")
        if isinstance(detail, Mapping) and detail.get(RECORD) == order.record:
            return entry
    try:
        return ledger.append(order.kind, order.actor, order.payload, at=at)
    except RefusedEntryError as error:
        reason = str(error)
    return ledger.append(order.kind, order.actor, unproven(order.payload, reason), at=at)


def unproven(payload: Mapping[str, Any], reason: str) -> dict[str, object]:
    """The payload as of somebody who is only named, with the reason why their signature does not count."""
    return claimed({**payload, "detail": {**payload.get("detail", {}), "not_proven": reason}})


def _read(path: Path) -> Waiting:
    try:
        return Waiting(path, _order(path.read_bytes()), "it was not recorded yet")
    except Exception as error:  # noqa: BLE001 - the file may hold anything; what it holds is told, not raised
        return Waiting(path, None, said(error))


def _order(content: bytes) -> Pending:
    document = _document(content)
    if document.get("schema") != SCHEMA or not document.keys() >= MEMBERS:
        raise NotAnOrderDown(f"The file is no order of {SCHEMA}; look at it and delete it.")
    payload = check_payload(document["kind"], document["payload"])
    if not is_down(document["kind"], payload) or not is_person(document["actor"]):
        raise NotAnOrderDown(
            "The file does not hold an order to go down; nothing else is recorded from a file. Delete it."
        )
    return Pending(
        record=str(document["record"]),
        kind=document["kind"],
        actor=document["actor"],
        payload=payload,
        made_at=parse_instant(document["made_at"]),
    )


def _document(content: bytes) -> dict[str, Any]:
    """What a pending file says; nothing where it is torn."""
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def is_down(kind: str, payload: Mapping[str, Any]) -> bool:
    """Whether an entry is an order of a person to go down."""
    if kind == WITHDRAWN:
        return True
    if kind not in ("rollback", "tier_change"):
        return False
    if kind == "tier_change":
        is_lower = Tier(payload["tier"]).rank > Tier(payload["from_tier"]).rank
        return is_lower and not payload["is_automatic"]
    before, after = payload["from_stage"], Stage(payload["stage"])
    return after is Stage.OFF or (before is not None and after.rank < Stage(before).rank)
