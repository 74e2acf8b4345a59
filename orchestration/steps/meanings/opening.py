"""Putting a change of meaning before its reviewer: a review of its own, or more of the cause of one that waits.

What does not belong here: what has one cause (evaluation/drift/one_cause), and when to look (reviews).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluation.canonical import document_digest
from evaluation.drift.changes import AGAINST_WORKLOAD
from evaluation.drift.semantic_policy import SemanticPolicy
from evaluation.drift.semantics import Finding
from evaluation.ledger.payloads import Kind
from orchestration.settings import Settings
from orchestration.steps.files import write_json_durably
from orchestration.steps.meanings.meaning import Shown, Windows, sample_rows
from orchestration.steps.meanings.standing import (
    JOINED,
    OPENED,
    Review,
    document_file,
    document_of,
    file_of,
    write_page,
)
from orchestration.steps.meanings.workloads import pair_rows
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.records import now, open_records

SCHEMA = "pilothouse.meaning-review/1"
MACHINE = Actor(AUTOMATIC)
Rows = dict[str, list[dict[str, str]]]
MOST_NAMED = 8
"""Columns that are named in the line of the ledger; the document names them all."""


@dataclass(frozen=True)
class Seen:
    """Changes of one cause in a feed of a site, and the windows in which they were seen."""

    site: str
    feed: str
    found: Sequence[Finding]
    windows: Windows

    @property
    def subjects(self) -> list[str]:
        """What the changes are about, the largest first, each once."""
        return list(dict.fromkeys(one.subject for one in self.found))

    @property
    def patterns(self) -> list[str]:
        return [pattern_of(self.site, self.feed, subject) for subject in self.subjects]


def pattern_of(site: str, feed: str, subject: str) -> str:
    """Return what a change is known by: what it is about, not by how much."""
    return hashlib.sha256("\n".join((site, feed, subject)).encode()).hexdigest()


def open_review(settings: Settings, seen: Seen, policy: SemanticPolicy) -> str:
    """Put changes of one cause before the feed's reviewer; returns the name of the review."""
    name = f"meaning-{seen.windows.after_until:%Y%m%d}-{seen.patterns[0][:10]}"
    members = _members(name, seen.patterns[0], seen, policy)
    document: dict[str, Any] = {"schema": SCHEMA, **members, "about": seen.subjects[0], "table": seen.found[0].table}
    document |= _changes_and_rows(settings, seen, policy)
    _record(settings, OPENED, members, seen, policy, document, joined=0)
    return name


def join_review(settings: Settings, review: Review, seen: Seen, policy: SemanticPolicy) -> None:
    """Add changes to a review that waits: to its document, and to the ledger as what joined it.

    The new document is bound by its own digest: that rows were erased from the one before is no excuse for it.
    """
    document, more = document_of(settings, review), _changes_and_rows(settings, seen, policy)
    rows = {
        side: [*document["rows"][side], *_others(more["rows"][side], document["rows"][side])] for side in more["rows"]
    }
    known = document.get("subjects") or [document["about"]]
    joined = {
        **{member: part for member, part in document.items() if member != "emptied_by"},
        "subjects": list(dict.fromkeys([*known, *more["subjects"]])),
        "changes": [*document["changes"], *more["changes"]],
        "rows": rows,
    }
    members = _members(review.name, str(review.opened.payload["pattern"]), seen, policy)
    before = file_of(settings, review)
    _record(settings, JOINED, members, seen, policy, joined, joined=len(review.joined) + 1)
    before.unlink(missing_ok=True)


def _members(name: str, pattern: str, seen: Seen, policy: SemanticPolicy) -> dict[str, str]:
    return {
        "review": name,
        "site": seen.site,
        "feed": seen.feed,
        "pattern": pattern,
        "reviewer": policy.reviewer(seen.feed),
        **{member: str(day) for member, day in asdict(seen.windows).items()},
    }


def _record(
    settings: Settings,
    kind: Kind,
    members: dict[str, str],
    seen: Seen,
    policy: SemanticPolicy,
    document: dict[str, Any],
    *,
    joined: int,
) -> None:
    """Write the document, then the entry that binds the ledger to it, then the page."""
    document["digest"] = document_digest({member: part for member, part in document.items() if member != "digest"})
    write_json_durably(document_file(settings, members["review"], joined), document)
    columns = sorted({f"{one.table}.{one.column}" for one in seen.found})
    more = f" and {len(columns) - MOST_NAMED} more" if len(columns) > MOST_NAMED else ""
    payload = members | {
        "about": ", ".join(columns[:MOST_NAMED]) + more,
        "changes": sorted({one.kind for one in seen.found}),
        "document": document["digest"],
        "policy": document_digest(policy.model_dump(mode="json")),
        "patterns": seen.patterns,
    }
    open_records(settings).append(kind, MACHINE.name, MACHINE.act(kind, payload, now()), at=now())
    write_page(settings, members["review"])


def _changes_and_rows(settings: Settings, seen: Seen, policy: SemanticPolicy) -> dict[str, Any]:
    return {
        "subjects": seen.subjects,
        "changes": [asdict(one) for one in seen.found],
        "rows": _rows(settings, seen, policy),
    }


def _others(rows: Iterable[dict[str, str]], known: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if row not in known]


def _rows(settings: Settings, seen: Seen, policy: SemanticPolicy) -> Rows:
    """Show rows of the table in which the largest change is."""
    first = seen.found[0]
    found = [one for one in seen.found if one.table == first.table]
    if first.kind in AGAINST_WORKLOAD:
        levels = tuple(one.item for one in found if one.category == first.category)
        return pair_rows(settings, seen.site, policy.pairs.named(first.category), levels, seen.windows)
    watched = policy.feeds[seen.feed].tables.get(first.table)
    if watched is None:
        return {"before": [], "after": []}
    leaves = tuple(dict.fromkeys(one.column.split(".")[-1] for one in found))
    inside = first.column.split(".")[0] if "." in first.column else None
    return sample_rows(settings, seen.site, Shown(first.table, watched, inside, leaves, _marks(found)), seen.windows)


def _marks(found: Iterable[Finding]) -> tuple[str, ...]:
    """What the shown rows should hold: codes, units and words that changed."""
    return tuple(dict.fromkeys(part for one in found for part in (one.item, one.category) if part))
