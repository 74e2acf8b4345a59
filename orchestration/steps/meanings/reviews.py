"""Reviews of meaning: what changed in a feed is put before a named reviewer with real rows, and answered.

Opening and answer are on the ledger. The document with the rows lies in `reviews/` under the home; the ledger holds its
digest, and no row. What does not belong here: reading the lake (meaning), what counts as a change (evaluation/drift).
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from evaluation.canonical import document_digest
from evaluation.drift.changes import AGAINST_WORKLOAD
from evaluation.drift.semantic_policy import SemanticPolicy, load_semantic_policy
from evaluation.drift.semantics import Finding
from evaluation.ledger import Entry, proof_of
from evaluation.reports import ReviewView, write_review
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_json_durably
from orchestration.steps.locks import exclusive
from orchestration.steps.meanings.gathering import gather
from orchestration.steps.meanings.meaning import (
    Shown,
    Windows,
    arrival_days,
    sample_rows,
)
from orchestration.steps.meanings.workloads import pair_rows
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.records import entry_document, now, open_records, who

SCHEMA = "pilothouse.meaning-review/1"
FOLDER = "reviews"
OPENED, ANSWERED = "meaning_review_opened", "meaning_review_answered"
ACCEPT, VERDICTS = "accept", ("accept", "mapping_fix", "source_fault")
MACHINE = Actor(AUTOMATIC)


class UnknownReview(StepError):
    """No review has that name, or its document is gone; the message lists those that wait."""


class ReviewChanged(StepError):
    """The document of a review is not the one that was put before its reader."""


class NotTheReviewer(StepError):
    """The person does not hold the role that reviews this feed."""


@dataclass(frozen=True)
class Review:
    """A review as the ledger tells it; `answer` is null while it waits."""

    opened: Entry
    answer: Entry | None = None

    @property
    def name(self) -> str:
        return str(self.opened.payload["review"])

    @property
    def verdict(self) -> str | None:
        return None if self.answer is None else str(self.answer.payload["verdict"])

    @property
    def windows(self) -> Windows:
        return Windows(*(self._day(member) for member in Windows.__dataclass_fields__))

    @property
    def as_of(self) -> date | None:
        """The last day of the feed that was known when it was answered."""
        return None if self.answer is None else date.fromisoformat(str(self.answer.payload["as_of"]))

    def _day(self, member: str) -> date:
        return date.fromisoformat(str(self.opened.payload[member]))


@dataclass(frozen=True)
class Watched:
    """What a look at one feed came to: the windows (null where too little has arrived), changes, reviews opened."""

    feed: str
    windows: Windows | None
    found: int = 0
    opened: tuple[str, ...] = ()


# -- watching


def watch_meaning(settings: Settings, site: str, until: date | None = None) -> list[Watched]:
    """Compare what each feed of a site meant lately with what it meant before; open a review for what changed.

    `until` is the last arrival day that is looked at: the newest one where it is null. A change that waits for its
    answer is not put to anybody twice.
    """
    policy = load_semantic_policy()
    place = load_site(site)
    with exclusive(settings.home, f"meaning-{place.id}"):
        return [_watch(settings, place.id, feed, policy, until) for feed in place.feeds if feed in policy.feeds]


def newest_arrivals(settings: Settings) -> dict[str, str]:
    """Return the newest arrival day of every site that has sent anything that is watched, as ISO dates."""
    feeds = load_semantic_policy().feeds
    found = {
        site: arrival_days(settings, site, [t for f in load_site(site).feeds if f in feeds for t in feeds[f].tables])
        for site in list_sites()
    }
    return {site: days[-1].isoformat() for site, days in found.items() if days}


def _watch(settings: Settings, site: str, feed: str, policy: SemanticPolicy, until: date | None) -> Watched:
    arrived = arrival_days(settings, site, tuple(policy.feeds[feed].tables))
    days = [day for day in arrived if until is None or day <= until]
    if not days:
        return Watched(feed, None)
    usual = Windows.ending(days[-1], policy)
    known = _known_baselines(settings, site, feed, usual, policy)
    found = [
        one
        for one in _changes(settings, site, feed, usual, policy, days)
        if _known_as(site, feed, one, known) not in known
    ]
    for windows in sorted({other for other in known.values() if other is not None}):
        again = _changes(settings, site, feed, windows, policy, days)
        found += [one for one in again if known.get(_known_as(site, feed, one, known)) == windows]
    by_subject: dict[str, list[Finding]] = {}
    for one in found:
        by_subject.setdefault(one.subject, []).append(one)
    opened = tuple(
        _open(settings, site, feed, ones, known.get(_known_as(site, feed, ones[0], known)) or usual, policy)
        for _, ones in sorted(by_subject.items())
    )
    return Watched(feed, usual, len(found), opened)


def _known_baselines(
    settings: Settings, site: str, feed: str, usual: Windows, policy: SemanticPolicy
) -> dict[str, Windows | None]:
    """Return by pattern the windows that it is judged in instead of the usual ones; null for one that is left alone.

    An accepted change is the new baseline from the day on which it was seen. What was to be fixed is held against what
    was before the fault, after the patience of the policy, until the faulty days have left the usual windows.
    """
    found: dict[str, Windows | None] = {}
    for review in _reviews(settings):
        if (review.opened.payload["site"], review.opened.payload["feed"]) == (site, feed):
            found.pop(pattern := str(review.opened.payload["pattern"]), None)
            instead = _instead(review, usual, policy)
            if instead != usual:
                found[pattern] = instead
    return found


def _instead(review: Review, usual: Windows, policy: SemanticPolicy) -> Windows | None:
    seen, answered = review.windows, review.as_of
    if answered is None:
        return None
    if review.verdict == ACCEPT:
        start = max(usual.before_from, seen.after_from)
        moved = Windows(start, usual.before_until, usual.after_from, usual.after_until)
        return moved if moved.baseline_days >= policy.windows.fewest_baseline_days else None
    mended = answered + timedelta(days=policy.windows.patience_days)
    if usual.after_until <= mended:
        return None
    is_past = usual.before_from > mended
    return usual if is_past else Windows(seen.before_from, seen.before_until, usual.after_from, usual.after_until)


def _changes(
    settings: Settings, site: str, feed: str, windows: Windows, policy: SemanticPolicy, days: Sequence[date]
) -> list[Finding]:
    """Return what changed between two windows, nothing where too few days before have arrived."""
    before = [day for day in days if windows.before_from <= day <= windows.before_until]
    if len(before) < min(policy.windows.fewest_baseline_days, windows.baseline_days):
        return []
    return gather(settings, site, feed, windows, policy).changes(policy)


def _pattern(site: str, feed: str, subject: str) -> str:
    """Return what a change is known by: what it is about, not by how much."""
    return hashlib.sha256("\n".join((site, feed, subject)).encode()).hexdigest()


def _known_as(site: str, feed: str, finding: Finding, known: Collection[str]) -> str:
    """Return the pattern under which a change is known: its own, or that of one which holds it."""
    patterns = [_pattern(site, feed, subject) for subject in finding.subjects]
    return next((one for one in patterns if one in known), patterns[0])


# -- opening


def _open(
    settings: Settings, site: str, feed: str, found: Sequence[Finding], windows: Windows, policy: SemanticPolicy
) -> str:
    pattern = _pattern(site, feed, found[0].subject)
    name = f"meaning-{windows.after_until:%Y%m%d}-{pattern[:10]}"
    table = found[0].table
    members = {
        "review": name,
        "site": site,
        "feed": feed,
        "pattern": pattern,
        "reviewer": policy.reviewer(feed),
        **{member: str(day) for member, day in asdict(windows).items()},
    }
    watched = policy.feeds[feed].tables.get(table)
    column = found[0].column
    leaves = tuple(dict.fromkeys(one.column.split(".")[-1] for one in found))
    if found[0].kind in AGAINST_WORKLOAD:
        levels = tuple(one.item for one in found)
        rows = pair_rows(settings, site, policy.pairs.named(found[0].category), levels, windows)
    elif watched:
        shown = Shown(table, watched, column.split(".")[0] if "." in column else None, leaves, _marks(found))
        rows = sample_rows(settings, site, shown, windows)
    else:
        rows: dict[str, list[dict[str, str]]] = {"before": [], "after": []}
    document: dict[str, Any] = {"schema": SCHEMA, **members, "about": found[0].subject, "table": table}
    document |= {"changes": [asdict(one) for one in found], "rows": rows}
    document["digest"] = document_digest(document)
    write_json_durably(_file(settings, name), document)
    payload = members | {
        "about": ", ".join(sorted({f"{one.table}.{one.column}" for one in found})),
        "changes": sorted({one.kind for one in found}),
        "document": document["digest"],
        "policy": document_digest(policy.model_dump(mode="json")),
    }
    open_records(settings).append(OPENED, MACHINE.name, MACHINE.act(OPENED, payload, now()), at=now())
    write_page(settings, name)
    return name


def _marks(found: Iterable[Finding]) -> tuple[str, ...]:
    """What the shown rows should hold: codes, units and words that changed."""
    return tuple(dict.fromkeys(part for one in found for part in (one.item, one.category) if part))


def _file(settings: Settings, name: str) -> Path:
    return settings.home / FOLDER / f"{name}.json"


# -- reading and answering


def _reviews(settings: Settings) -> list[Review]:
    found: dict[str, Review] = {}
    for entry in open_records(settings).entries(kinds=(OPENED, ANSWERED)):
        name = str(entry.payload["review"])
        found[name] = Review(entry) if entry.kind == OPENED else Review(found[name].opened, entry)
    return list(found.values())


def list_reviews(settings: Settings) -> list[dict[str, Any]]:
    """Return every review, those that wait first, newest first."""
    found = [_listed(review) for review in reversed(_reviews(settings))]
    return sorted(found, key=lambda one: not one["is_open"])


def _listed(review: Review) -> dict[str, Any]:
    kept = ("review", "site", "feed", "about", "changes", "reviewer", "after_from", "after_until")
    answered = review.answer.payload if review.answer else {}
    return {
        **{member: review.opened.payload[member] for member in kept},
        "is_open": review.answer is None,
        "opened_at": review.opened.at.isoformat(),
        "verdict": answered.get("verdict"),
        "reason": answered.get("reason"),
        "answered_by": review.answer.actor if review.answer else None,
    }


def show_review(settings: Settings, name: str) -> dict[str, Any]:
    """Return what was put before the reviewer, with the answer if there is one.

    Raises `UnknownReview`, and `ReviewChanged` where the document is not the one that the ledger is bound to.
    """
    review = _named(settings, name)
    return {**_listed(review), **_document(settings, review), "page": str(write_page(settings, name))}


def _named(settings: Settings, name: str) -> Review:
    reviews = {review.name: review for review in _reviews(settings)}
    if name not in reviews:
        waiting = [one.name for one in reviews.values() if one.answer is None]
        raise UnknownReview(f"There is no review {name!r}; waiting for an answer: {', '.join(waiting) or 'none'}.")
    return reviews[name]


def _document(settings: Settings, review: Review) -> dict[str, Any]:
    path = _file(settings, review.name)
    if not path.exists():
        raise UnknownReview(f"{FOLDER}/{path.name} is gone; restore it from the backup: the ledger is bound to it.")
    try:
        document = json.loads(path.read_bytes())
        if _was_emptied(settings, document):  # what the ledger is bound to was seen, and is no more
            return cast("dict[str, Any]", document)
        is_same = document_digest(document) == review.opened.payload["document"] == document["digest"]
    except (ValueError, KeyError, AttributeError) as error:
        raise ReviewChanged(f"{FOLDER}/{path.name} is no review any more; restore it from the backup.") from error
    if not is_same:
        raise ReviewChanged(f"{FOLDER}/{path.name} was changed after it was put before its reader; restore it.")
    return cast("dict[str, Any]", document)


def _was_emptied(settings: Settings, document: dict[str, Any]) -> bool:
    """Whether erasures that the ledger knows took rows out of a document."""
    said = set(cast("list[str]", document.get("emptied_by") or []))
    known = {str(entry.payload["erasure"]) for entry in open_records(settings).entries(kinds=("erasure",))}
    return bool(said) and said <= known


def answer_review(settings: Settings, name: str, verdict: str, reason: str, actor: Actor) -> dict[str, Any]:
    """Record a reviewer's answer; an accepted change becomes the new baseline. Returns the ledger entry.

    Raises `UnknownReview`, `ReviewChanged`, `NotTheReviewer`, and `LedgerError` where it was answered before.
    """
    review = _named(settings, name)
    document = _document(settings, review)
    _require_reviewer(settings, str(review.opened.payload["reviewer"]), actor.required())
    policy = load_semantic_policy()
    feed = str(review.opened.payload["feed"])
    tables = tuple(policy.feeds[feed].tables) if feed in policy.feeds else (str(document["table"]),)
    days = arrival_days(settings, str(review.opened.payload["site"]), tables)
    payload = {member: review.opened.payload[member] for member in ("review", "site", "feed", "pattern", "document")}
    payload |= {"verdict": verdict, "reason": reason, "as_of": str(max([*days, review.windows.after_until]))}
    at = now()
    entry = open_records(settings).append(ANSWERED, actor.name, actor.act(ANSWERED, payload, at), at=at)
    return {**entry_document(entry), "page": str(write_page(settings, name))}


def write_page(settings: Settings, name: str) -> Path:
    """Write the page of a review as it stands now; returns its path. Raises as `show_review`."""
    review = _named(settings, name)
    answer = None
    if review.answer is not None:
        by = who(review.answer.actor, proof_of(review.answer))
        answer = {**review.answer.payload, "by": by, "at": f"{review.answer.at:%Y-%m-%d %H:%M} UTC"}
    view = ReviewView(_document(settings, review), answer, now(), version("pilothouse"))
    return write_review(settings.reports / FOLDER, view)


def _require_reviewer(settings: Settings, role: str, actor: Actor) -> None:
    person = open_records(settings).people().current(actor.name)
    if person is None or role not in person.roles:
        raise NotTheReviewer(
            f"{actor.name} is not registered as {role}, who answers this review; register them with: "
            f"pilothouse key new --as PERSON --role {role} --key FILE."
        )
