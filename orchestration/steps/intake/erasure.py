"""`erase`: a person, or what is past its term, destroyed everywhere; and the entry on the ledger that says so.

What does not belong here: what a landing zone holds of a person (orchestration/feeds/erasure) and what was derived
(derived.py). An answer names nobody: it counts.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from evaluation.ledger import Entry
from ml.features.pseudonym import pseudonym
from orchestration.contracts import load_timelines
from orchestration.contracts.mapping import mapped
from orchestration.feeds.erasure import (
    Erased,
    Expired,
    Plan,
    Reader,
    carry_out,
    close_journal,
    expire,
    is_past_term,
    plan_erasure,
    read_journals,
)
from orchestration.feeds.landing import site_lock
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.sites.mappings import load_mappings
from orchestration.steps.answer import Answer
from orchestration.steps.errors import WrongUsage
from orchestration.steps.intake.derived import Removed, remove_derived
from orchestration.steps.intake.keys import site_key
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.records import now, open_records
from orchestration.steps.warehouse.tables import demand_rebuild

PERSON, TERM = "person", "term"
FAILED, REBUILT, NOTHING = "failed", "rebuilt", "none to rebuild"

Rebuild = Callable[[], bool]


class ErasureNotUnderstood(WrongUsage):
    """Who or what is to be erased is not said, or said twice."""


def erase_person(
    settings: Settings,
    site: str,
    identifier: tuple[str, str] | None,
    patient_key: str | None,
    reason: str,
    actor: Actor,
    rebuild: Rebuild,
) -> Answer:
    """Erase a person known by (authority, identifier) or by a pseudonym; what an earlier call left is finished first.

    Raises `NothingToErase`, `TooManyKeys`, `LandingBusy`, `ErasureNotUnderstood`.
    """
    if (identifier is None) is (patient_key is None):
        raise ErasureNotUnderstood(
            "Name the person by --identifier AUTHORITY VALUE, or by --patient-key KEY: one of them."
        )
    value = identifier[1] if identifier else None
    if value and value in reason:
        raise ErasureNotUnderstood("--reason holds the identifier, and it is written to the ledger: say it without.")
    reader = reader_of(settings, site)
    given = patient_key or _pseudonym(reader, *(identifier or ("", "")))
    with site_lock(settings.home, reader.site):
        waiting = read_journals(reader)
        finished = [_carry_out(settings, reader, plan, reason, actor) for plan in waiting]
        if not any(given in plan.persons for plan in waiting):
            plan = plan_erasure(reader, given, value)
            finished.append(_carry_out(settings, reader, plan, reason, actor))
    is_rebuilt = _rebuilt(reader, finished, rebuild)
    document = {"erasures": [_document(*one) for one in finished], "tables": is_rebuilt}
    return Answer(document, text=_text(finished, is_rebuilt), exit_code=0 if is_rebuilt != FAILED else 1)


def erase_expired(settings: Settings, site: str, reason: str, actor: Actor, rebuild: Rebuild) -> Answer:
    """Erase what is past the `retention` that its contract agrees, by the time of arrival. Raises `LandingBusy`."""
    reader, at = reader_of(settings, site), now()
    with site_lock(settings.home, reader.site):
        done = expire(reader, at)
        if done:
            _record(settings, reader.site, f"term-{at:%Y%m%d%H%M%S}", TERM, reason, actor, _term_counts(done))
            demand_rebuild(settings, "end of term", from_nothing=True)
    is_rebuilt = _rebuild(rebuild) if done else NOTHING
    rows = [{"feed": one.feed, "before": one.before, "files": one.files, "objects": one.objects} for one in done]
    lines = [
        f"{one.feed}: {one.objects} kept files and {one.files} lake files from before {one.before}" for one in done
    ]
    text = "\n".join(lines) or f"Nothing at {reader.site} is past its term."
    return Answer({"expired": rows, "tables": is_rebuilt}, text=text, exit_code=0 if is_rebuilt != FAILED else 1)


def sites_past_term(settings: Settings, at: datetime) -> list[str]:
    """Return the sites that hold something past its contract's retention."""
    return [site for site in list_sites() if is_past_term(reader_of(settings, site), at)]


def reader_of(settings: Settings, site: str) -> Reader:
    """Return what reading a site's kept files takes. Raises `UnknownSite`."""
    place = load_site(site)
    timelines = mapped(load_timelines(environment=settings.environment), load_mappings(place.id))
    contracts = {feed: timeline.current for feed, timeline in timelines.items()}
    return Reader(settings.home, place.id, site_key(settings, place), place.timezone, place.aliases, contracts)


def _pseudonym(reader: Reader, authority: str, value: str) -> str:
    known_as = reader.authorities.get("patient", {}).get(authority, authority)
    return pseudonym(reader.key, known_as, value)


def _carry_out(settings: Settings, reader: Reader, plan: Plan, reason: str, actor: Actor) -> tuple[Erased, Removed]:
    made = carry_out(reader, plan, now())
    removed = remove_derived(settings, plan, made.id)
    counts = {"keys": made.keys, "rows": made.rows, "quarantined": made.quarantined, "rewritten": made.rewritten,
              "destroyed": made.destroyed, "lost": made.lost}  # fmt: skip
    _record(settings, plan.site, made.id, PERSON, reason, actor, counts)
    return made, removed


def _record(
    settings: Settings, site: str, erasure: str, why: str, reason: str, actor: Actor, counts: dict[str, int]
) -> None:
    """Write the entry, once: an erasure that is finished by a later call is on the ledger already."""
    ledger = open_records(settings)
    if why == PERSON and any(_is_of(entry, erasure, counts) for entry in ledger.entries()):
        return
    payload = {"erasure": erasure, "site": site, "why": why, "reason": reason, "counts": counts}
    at = now()
    ledger.append(kind="erasure", actor=actor.required().name, payload=actor.act("erasure", payload, at), at=at)


def _is_of(entry: Entry, erasure: str, counts: dict[str, int]) -> bool:
    return entry.kind == "erasure" and entry.payload.get("erasure") == erasure and entry.payload.get("counts") == counts


def _term_counts(done: Sequence[Expired]) -> dict[str, int]:
    return {"destroyed": sum(one.objects for one in done), "files": sum(one.files for one in done)}


def _rebuilt(reader: Reader, finished: Sequence[tuple[Erased, Removed]], rebuild: Rebuild) -> str:
    """Make the tables again where there were any; only then is an erasure done, and its journal goes."""
    has_tables = any(removed.is_warehouse_gone or removed.snapshots for _, removed in finished)
    outcome = _rebuild(rebuild) if has_tables else NOTHING
    if outcome != FAILED:
        for made, _ in finished:
            close_journal(reader, made)
    return outcome


def _rebuild(rebuild: Rebuild) -> str:
    return REBUILT if rebuild() else FAILED


def _document(made: Erased, removed: Removed) -> dict[str, Any]:
    return {
        **made.to_json(),
        "events": removed.events,
        "predictions": removed.predictions,
        "snapshots": removed.snapshots,
    }


def _text(finished: Sequence[tuple[Erased, Removed]], is_rebuilt: str) -> str:
    lines = [
        f"erased {made.id} at {made.site}: {made.rows} rows, {made.quarantined} held records, {made.rewritten} files "
        f"rewritten, {made.destroyed} destroyed ({made.lost} records of others cannot be replayed any more), "
        f"{removed.events} events, {removed.predictions} predictions, {removed.snapshots} snapshots"
        for made, removed in finished
    ]
    return "\n".join([*lines, f"tables: {is_rebuilt}"])
