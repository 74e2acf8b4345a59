"""What drift comes to for people: a sentence for each cause, with the field of the contract, and one incident for it.

What does not belong here: what counts as a shift or a jump (evaluation/drift), and looking (drift_watch).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from evaluation.drift.causes import Cause
from evaluation.drift.jumps import Jump
from evaluation.drift.watch_policy import WatchPolicy
from evaluation.evidence import Evidence
from ml.usecases import Declaration, UseCase
from orchestration.contracts import load_contract
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.record.incidents import Seen, incident_label, list_incidents, open_incident
from orchestration.steps.record.records import now

KIND, JUMPED = "segment_drift", "jumped"
NAMED = 4
"""Jumps that an incident tells one by one; the evidence holds all."""


@dataclass(frozen=True)
class Told:
    """One cause, as it is told. `since`: the day on which it began, where it began on one; `jumped`: the columns that
    did so; `fields` name by column what the feed's contract says of it."""

    key: str
    columns: tuple[str, ...]
    sentence: str
    severity: str
    feed: str = ""
    since: date | None = None
    fields: Mapping[str, str] | None = None
    jumped: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The cause as evidence and incidents hold it."""
        said = {"key": self.key, "columns": list(self.columns), "sentence": self.sentence, "feed": self.feed}
        since = None if self.since is None else str(self.since)
        return {**said, "since": since, "fields": dict(self.fields or {}), JUMPED: list(self.jumped)}


def told_causes(
    declared: Declaration, causes: Sequence[Cause], jumps: Sequence[Jump], policy: WatchPolicy
) -> tuple[Told, ...]:
    """One for each cause; what jumped in a feed, and what else of that feed moved, is one."""
    by_feed = groupby(sorted(jumps, key=lambda one: one.watched.feed), key=lambda one: one.watched.feed)
    slow = {one.key: one for one in causes}
    sudden = [_of_jumps(declared, feed, tuple(group), slow, policy) for feed, group in by_feed]
    left = [one for key, one in slow.items() if key not in {each.key for each in sudden}]
    return (*sudden, *(Told(one.key, one.columns, one.sentence, policy.telling.severity) for one in left))


def _of_jumps(
    declared: Declaration,
    feed: str,
    jumps: tuple[Jump, ...],
    slow: Mapping[str, Cause],
    policy: WatchPolicy,
) -> Told:
    ordered = sorted(jumps, key=lambda one: -abs(one.moved))
    key = f"feed-{feed or 'unknown'}"  # as the slow cause of the same feed is called
    told = ordered[:NAMED]
    fields = {one.watched.name: found for one in told if (found := _field_of(declared, feed, one.watched.name))}
    origin = "; ".join(f"{column} is {field}" for column, field in fields.items())
    more = f"{len(ordered) - NAMED} more jumped." if len(ordered) > NAMED else ""
    parts = [*(one.sentence for one in told), more, f"In the contract: {origin}." if origin else ""]
    also = slow.get(key)
    parts += [] if also is None else [also.sentence]
    jumped = tuple(dict.fromkeys(one.watched.name for one in ordered))
    columns = tuple(dict.fromkeys([*jumped, *(also.columns if also else ())]))
    since, said = min(one.since for one in ordered), " ".join(part for part in parts if part)
    return Told(key, columns, said, policy.jumps.severity, feed, since, fields, jumped)


def _field_of(declared: Declaration, feed: str, column: str) -> str:
    """The element of the feed that a feature is read from, and the property of the contract that holds it."""
    features = declared.features if isinstance(declared, UseCase) else ()
    source = next((one.sources.get(feed, "") for one in features if one.name == column), "")
    if not source:
        return ""
    contract = load_contract(feed)
    held = [
        f"{thing.name}.{held.name}"
        for thing in contract.objects
        for held in thing.properties
        if any(one.code in source for one in held.ranges)
    ]
    return f"{source} of {contract.label}" + (f", {held[0]}" if held else "")


def tell(
    settings: Settings, record: CandidateRecord, release: str, causes: Sequence[Told], policy: WatchPolicy
) -> Iterator[dict[str, Any]]:
    """Open one incident for each cause that is not told already, and tell those whom the site has told; yields them."""
    known = list_incidents(settings) if causes else []
    for cause in causes:
        stem = _stem(record, cause)
        if any(_is_told(one, stem, cause, policy) for one in known):
            continue
        what = (
            f"{record.use_case} at {record.site}: {cause.sentence} {policy.owner} looks for the cause; the page of "
            "operations and the evidence segment_drift hold every segment."
        )
        entry = open_incident(
            settings,
            incident_label(stem, f"{now():%Y%m%d%H%M%S}"),
            use_case=record.use_case,
            site=record.site,
            severity=cause.severity,
            what=what,
            release=release,
            detail={"kind": KIND, **cause.to_json()},
            seen=Seen(since=_begin(record.site, cause.since), feed=cause.feed or None),
            tell=what,
            is_change=cause.since is not None,
        )
        yield entry


def _begin(site: str, day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), load_site(site).zone)


def _stem(record: CandidateRecord, cause: Told) -> str:
    """The beginning of every incident's name about a cause: no longer than leaves room for the time."""
    about = hashlib.sha256(f"{record.use_case} {record.site} {cause.key}".encode()).hexdigest()[:8]
    return f"drift-{record.site[:12]}-{cause.key[:16]}-{about}"


def jumped_in(detail: Mapping[str, Any]) -> frozenset[str]:
    """The columns that jumped, by what evidence or an incident says of a cause; none where it is slow drift."""
    if not detail.get("since"):
        return frozenset()
    return frozenset(map(str, detail.get(JUMPED) or detail.get("columns") or ()))


def jumped_columns(evidence: Evidence) -> tuple[str, ...]:
    """The columns that jumped by evidence of this watch, of all feeds."""
    causes: Any = evidence.detail.get("causes") or ()
    return tuple(sorted({column for one in causes for column in jumped_in(one)}))


def _is_told(incident: dict[str, Any], stem: str, cause: Told, policy: WatchPolicy) -> bool:
    """Whether an incident tells of a cause. Only one that says since when tells of a jump, and only of its columns; a
    jump that began after it is another one, once it is closed."""
    if not str(incident["incident"]).startswith(f"{stem}-"):
        return False
    if cause.since is not None:
        if not jumped_in(incident["detail"]) >= set(cause.jumped):
            return False
        if not incident["is_open"] and str(incident["detail"]["since"]) < str(cause.since):
            return False
    opened = datetime.fromisoformat(str(incident["opened_at"]))
    return bool(incident["is_open"]) or now() - opened < timedelta(days=policy.telling.quiet_days)
