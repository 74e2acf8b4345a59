"""The ledger of this home: opened with its key and checkpoint, verified, shown, asked about a time.

What does not belong here: what an entry means (evaluation/ledger) and who may write one (evaluation/gates).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from evaluation import EvaluationError
from evaluation.ledger import (
    Believed,
    Checkpoint,
    Entry,
    KeyFileError,
    Ledger,
    LedgerStoreError,
    Verification,
    generate_private_key,
    load_private_key,
    open_ledger,
    proof_of,
    write_private_key,
)
from ml.registry.files import make_folder
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import DONE, FAILED, Answer
from orchestration.steps.errors import StepError, WrongUsage, said
from orchestration.steps.record.actors import AUTOMATIC
from orchestration.steps.record.agreement import agreements
from orchestration.steps.record.lanes import lanes
from orchestration.steps.record.pending import record_waiting, waiting

CHECKPOINT = "ledger.checkpoint"
LEDGER_KEY = "ledger.key.pem"


class TimeNotUnderstood(WrongUsage):
    """A time on the command line is not ISO 8601 with a zone."""


class LedgerKeyGone(StepError):
    """There is a ledger, and the key that signs it is not where it was."""


@lru_cache(maxsize=8)
def open_records(settings: Settings) -> Ledger:
    """Open the ledger, once per process, since opening walks the chain; the first time makes its signing key.

    What waited for the ledger to work again is recorded first. Raises `LedgerKeyGone` and `LedgerError`.
    """
    path = settings.keys / LEDGER_KEY
    if not path.exists():
        if has_ledger(settings):
            raise LedgerKeyGone(
                f"keys/{path.name} is gone, and the ledger is signed with it; restore it from the backup. "
                "No other key can go on with this ledger."
            )
        make_folder(settings.keys, mode=0o700)
        _make_key(path)
    ledger = open_ledger(settings.ledger_url, key=load_private_key(path), checkpoint=settings.home / CHECKPOINT)
    record_waiting(settings, ledger, now())
    return ledger


def _make_key(path: Path) -> None:
    """Make the ledger's key, unless another first user made it a moment ago."""
    try:
        write_private_key(path, generate_private_key())
    except KeyFileError:
        if not path.exists():
            raise


def has_ledger(settings: Settings) -> bool:
    """Whether this home ever had a ledger."""
    return (settings.home / CHECKPOINT).exists()


def believed_records(settings: Settings, anchors: Sequence[Checkpoint] = ()) -> tuple[Verification, Believed]:
    """What verifying the ledger says, and what can be believed of it: for pages and overviews. Never raises."""
    try:
        return open_records(settings).believed(anchors)
    except (EvaluationError, StepError, OSError) as error:
        return Verification(ok=False, entries=0, reason=said(error)), Believed()


def now() -> datetime:
    """Return the present, in UTC: the clock of every decision that a person takes now."""
    return datetime.now(UTC)


def verify_ledger(settings: Settings, anchors: Sequence[Checkpoint] = ()) -> Answer:
    """Check every hash, signature and the chain, and hold the release pointers and the board's anchors against it.

    Exit code 1 names the first bad entry, every pointer that says something else, and what waits to be recorded.
    """
    verdict, records = believed_records(settings, anchors)
    problems = [*([broken(verdict)] if not verdict.ok else []), *late(settings)]
    if verdict.ok:
        problems += [one.problem for one in agreements(settings, records) if one.problem]
        problems += [one.problem for one in lanes(settings, records).values() if one.problem]
    return verdict_answer(verdict, problems)


def verdict_answer(verdict: Verification, problems: Sequence[str]) -> Answer:
    """Return what `ledger verify` prints; exit code 1 where there is a problem."""
    document = {
        "ok": not problems,
        "entries": verdict.entries,
        "first_bad": verdict.first_bad,
        "reason": " ".join(problems),
        "problems": list(problems),
    }
    return Answer(document, exit_code=FAILED if problems else DONE)


def broken(verdict: Verification) -> str:
    """Return what is wrong with a ledger that does not verify, in a sentence."""
    return f"THE LEDGER IS BROKEN: {verdict.reason.rstrip('.')}."


def late(settings: Settings) -> list[str]:
    """Return what waits to be recorded, one sentence each."""
    return [f"{one.path.name} waits in pending/ to be recorded: {one.reason.rstrip('.')}." for one in waiting(settings)]


def show_ledger(settings: Settings) -> Answer:
    """Return every entry; of a broken ledger those before the first bad one, with exit code 1."""
    verdict, records = believed_records(settings)
    entries = records.entries()
    document: dict[str, Any] = {"entries": [entry_document(entry) for entry in entries]}
    if not verdict.ok:
        document["problems"] = [f"{broken(verdict)} What follows is what came before that."]
    text = "\n".join(_line(entry) for entry in entries) or "The ledger has no entry yet."
    return Answer(document, text=text, exit_code=DONE if verdict.ok else FAILED)


def _line(entry: Entry) -> str:
    """One entry for people: when, what, who with what stands behind the name, where, and why."""
    about: Any = entry.payload.get("statement") or entry.payload
    where = " at ".join(str(about[name]) for name in ("use_case", "site") if name in about)
    to = about.get("stage") or about.get("tier") or about.get("person") or about.get("incident") or ""
    why = about.get("reason") or about.get("what") or about.get("cause") or ""
    what = " ".join(word for word in (entry.kind.replace("_", " "), str(to)) if word)
    told = [
        f"{entry.seq:>5}",
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        what,
        f"by {who(entry.actor, proof_of(entry))}",
        where,
        why,
    ]
    return "  ".join(str(one) for one in told if one)


def ledger_entries(settings: Settings) -> list[dict[str, Any]]:
    """Return every entry as plain JSON, oldest first."""
    return [entry_document(entry) for entry in open_records(settings).entries()]


def entry_document(entry: Entry) -> dict[str, Any]:
    """Return one entry as plain JSON; `proof` is "signature" where the actor's own key signed it, else "none"."""
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "actor": entry.actor,
        "proof": proof_of(entry),
        "payload": entry.payload,
        "hash": entry.hash,
    }


def who(actor: str, proof: str) -> str:
    """Return an actor for people, with what stands behind the name."""
    if actor == AUTOMATIC:
        return f"{actor} (automatic)"
    return f"{actor} ({'signed' if proof == 'signature' else 'claimed'})"


def ledger_at_time(settings: Settings, site: str, when: str) -> dict[str, Any]:
    """What ran at `site` at ISO time `when`: release, stage, tier, who approved it, on which evidence."""
    place, time = load_site(site).id, instant(when)
    verdict, records = believed_records(settings)
    if not verdict.ok:
        raise LedgerStoreError(f"What ran then cannot be said with certainty: the ledger is broken ({verdict.reason}).")
    running = records.at(place, time)
    return {"site": site, "time": time.isoformat(), "running": [one.to_json() for one in running]}


def instant(when: str) -> datetime:
    """Return an ISO 8601 time with its zone. Raises `TimeNotUnderstood`."""
    try:
        time = datetime.fromisoformat(when)
    except ValueError as error:
        raise TimeNotUnderstood(f"{when!r} is not a time; write it like 2026-03-01T14:00:00+00:00") from error
    if time.tzinfo is None:
        raise TimeNotUnderstood(f"{when!r} has no time zone; add one, such as {when}+00:00")
    return time
