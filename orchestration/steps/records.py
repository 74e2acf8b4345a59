"""The ledger of this home: opened with its key and checkpoint, verified, shown, asked about a time.

What does not belong here: what an entry means (evaluation/ledger) and who may write one (evaluation/gates).
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from evaluation.ledger import (
    Entry,
    Ledger,
    generate_private_key,
    load_private_key,
    open_ledger,
    write_private_key,
)
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import DONE, FAILED, Answer
from orchestration.steps.errors import StepError


class TimeNotUnderstood(StepError):
    """A time on the command line is not ISO 8601 with a zone."""


@lru_cache(maxsize=8)
def open_records(settings: Settings) -> Ledger:
    """Open the ledger, once per process, since opening walks the chain; the first time makes its signing key."""
    path = settings.keys / "ledger.key.pem"
    if not path.exists():
        settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private_key(path, generate_private_key())
    return open_ledger(settings.ledger_url, key=load_private_key(path), checkpoint=settings.home / "ledger.checkpoint")


def now() -> datetime:
    """Return the present, in UTC: the clock of every decision that a person takes now."""
    return datetime.now(UTC)


def verify_ledger(settings: Settings) -> Answer:
    """Check every hash, signature and the chain; exit code 1 names the first bad entry."""
    verdict = open_records(settings).verify()
    document = {
        "ok": verdict.ok,
        "entries": verdict.entries,
        "first_bad": verdict.first_bad,
        "reason": verdict.reason,
    }
    return Answer(document, exit_code=DONE if verdict.ok else FAILED)


def ledger_entries(settings: Settings) -> list[dict[str, Any]]:
    """Return every entry as plain JSON, oldest first."""
    return [entry_document(entry) for entry in open_records(settings).entries()]


def entry_document(entry: Entry) -> dict[str, Any]:
    """Return one entry as plain JSON."""
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "actor": entry.actor,
        "payload": entry.payload,
        "hash": entry.hash,
    }


def ledger_at_time(settings: Settings, site: str, when: str) -> dict[str, Any]:
    """What ran at `site` at ISO time `when`: release, stage, tier, who approved it, on which evidence."""
    try:
        time = datetime.fromisoformat(when)
    except ValueError as error:
        raise TimeNotUnderstood(f"{when!r} is not a time; write it like 2026-03-01T14:00:00+00:00") from error
    if time.tzinfo is None:
        raise TimeNotUnderstood(f"{when!r} has no time zone; add one, such as {when}+00:00")
    running = open_records(settings).at(load_site(site).id, time)
    return {"site": site, "time": time.isoformat(), "running": [one.to_json() for one in running]}
