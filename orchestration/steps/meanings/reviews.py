"""Reviews of meaning: what changed in a feed is put before a named reviewer with real rows, and answered.

Opening and answer are on the ledger. The document with the rows lies in `reviews/` under the home; the ledger holds its
digest, and no row. What does not belong here: reading the lake (meaning), what counts as a change, and what has one
cause (evaluation/drift).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

from evaluation.drift.one_cause import Kinship, by_cause, is_of_one_day
from evaluation.drift.semantic_policy import SemanticPolicy, load_semantic_policy
from evaluation.drift.semantics import Finding
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.locks import exclusive
from orchestration.steps.meanings.gathering import gather
from orchestration.steps.meanings.meaning import Windows, arrival_days
from orchestration.steps.meanings.opening import Seen, join_review, open_review, pattern_of
from orchestration.steps.meanings.standing import (
    ANSWERED,
    JOINED,
    OPENED,
    Review,
    ReviewChanged,
    UnknownReview,
    document_of,
    named_review,
    reviews_of,
    write_page,
)
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.records import entry_document, now, open_records

__all__ = ["JOINED", "OPENED", "ReviewChanged", "UnknownReview"]

ACCEPT, VERDICTS = "accept", ("accept", "mapping_fix", "source_fault")


class NotTheReviewer(StepError):
    """The person does not hold the role that reviews this feed."""


@dataclass(frozen=True)
class Watched:
    """What a look at one feed came to: the windows (null where too little has arrived), changes, reviews opened, and
    those that wait and were joined by further changes of their cause."""

    feed: str
    windows: Windows | None
    found: int = 0
    opened: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()


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
    reviews = [one for one in reviews_of(settings) if one.place == (site, feed)]
    known = _known_baselines(reviews, usual, policy)
    windows = [usual, *sorted({other for other in known.values() if other is not None})]
    looks = {one: _changes(settings, site, feed, one, policy, days) for one in windows}
    there = {_known_as(site, feed, one, known) for found in looks.values() for one in found}
    kinship = Kinship.of(policy.feeds[feed])
    waiting = [_Waiting.of(settings, one, there, kinship) for one in reviews if one.answer is None]
    told, opened, joined = 0, list[str](), list[str]()
    for seen_in, found in looks.items():
        new = [one for one in found if known.get(_known_as(site, feed, one, known), usual) == seen_in]
        told += len(new)
        for cause in by_cause(new, kinship.is_akin):
            seen = Seen(site, feed, cause, seen_in)
            same = next((one for one in waiting if one.is_about(seen)), None)
            if same is None:
                opened.append(open_review(settings, seen, policy))
            else:
                join_review(settings, named_review(settings, same.review.name), seen, policy)
                joined.append(same.review.name)
    return Watched(feed, usual, told, tuple(opened), tuple(dict.fromkeys(joined)))


@dataclass(frozen=True)
class _Waiting:
    """A review that waits: its changes, none where its document cannot be read, and whether any is still there."""

    review: Review
    changes: tuple[Finding, ...]
    goes_on: bool
    kinship: Kinship

    @staticmethod
    def of(settings: Settings, review: Review, there: Collection[str], kinship: Kinship) -> "_Waiting":
        try:
            changes = tuple(Finding(**one) for one in document_of(settings, review)["changes"])
        except (UnknownReview, ReviewChanged):  # nothing joins it, and what is new is put into a review of its own
            changes = ()
        return _Waiting(review, changes, any(pattern in there for pattern, _ in review.patterns), kinship)

    def is_about(self, seen: Seen) -> bool:
        """Whether it has the cause of some changes: they began on the same day, or are akin to it while it goes on; or
        it was opened about the same by an earlier version, which knew it by another name."""
        pairs = [(one, other) for one in seen.found for other in self.changes]
        if any(is_of_one_day(*pair) or (self.goes_on and self.kinship.is_akin(*pair)) for pair in pairs):
            return True
        earlier = {pattern_of(seen.site, seen.feed, one.earlier_subject) for one in seen.found}
        return bool(self.changes) and str(self.review.opened.payload["pattern"]) in earlier


def _known_baselines(reviews: Sequence[Review], usual: Windows, policy: SemanticPolicy) -> dict[str, Windows | None]:
    """Return by pattern the windows that it is judged in instead of the usual ones; null for one that is left alone.

    An accepted change is the new baseline from the day on which it was seen. What was to be fixed is held against what
    was before the fault, after the patience of the policy, until the faulty days have left the usual windows.
    """
    found: dict[str, Windows | None] = {}
    for review in reviews:
        for pattern, seen in review.patterns:
            found.pop(pattern, None)
            instead = _instead(review, seen, usual, policy)
            if instead != usual:
                found[pattern] = instead
    return found


def _instead(review: Review, seen: Windows, usual: Windows, policy: SemanticPolicy) -> Windows | None:
    answered = review.as_of
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


def _known_as(site: str, feed: str, finding: Finding, known: Collection[str]) -> str:
    """Return the pattern under which a change is known: its own, or that of one which holds it."""
    patterns = [pattern_of(site, feed, subject) for subject in finding.subjects]
    return next((one for one in patterns if one in known), patterns[0])


# -- reading and answering


def list_reviews(settings: Settings) -> list[dict[str, Any]]:
    """Return every review, those that wait first, newest first."""
    found = [_listed(review) for review in reversed(reviews_of(settings))]
    return sorted(found, key=lambda one: not one["is_open"])


def _listed(review: Review) -> dict[str, Any]:
    kept = ("review", "site", "feed", "reviewer", "after_from", "after_until")
    told = [one.payload for one in (review.opened, *review.joined)]
    answered = review.answer.payload if review.answer else {}
    return {
        **{member: review.opened.payload[member] for member in kept},
        "about": ", ".join(dict.fromkeys(column for one in told for column in str(one["about"]).split(", "))),
        "changes": sorted({str(kind) for one in told for kind in cast("list[str]", one["changes"])}),
        "is_open": review.answer is None,
        "opened_at": review.opened.at.isoformat(),
        "joined_at": review.joined[-1].at.isoformat() if review.joined else None,
        "verdict": answered.get("verdict"),
        "reason": answered.get("reason"),
        "answered_by": review.answer.actor if review.answer else None,
    }


def show_review(settings: Settings, name: str) -> dict[str, Any]:
    """Return what was put before the reviewer, with the answer if there is one.

    Raises `UnknownReview`, and `ReviewChanged` where the document is not the one that the ledger is bound to.
    """
    review = named_review(settings, name)
    document = document_of(settings, review)
    subjects = {"subjects": [document["about"]]}  # of one that was opened by an earlier version
    return {**_listed(review), **subjects, **document, "page": str(write_page(settings, name))}


def answer_review(settings: Settings, name: str, verdict: str, reason: str, actor: Actor) -> dict[str, Any]:
    """Record a reviewer's answer; an accepted change becomes the new baseline. Returns the ledger entry.

    Raises `UnknownReview`, `ReviewChanged`, `NotTheReviewer`, and `LedgerError` where it was answered before.
    """
    review = named_review(settings, name)
    document = document_of(settings, review)
    _require_reviewer(settings, str(review.opened.payload["reviewer"]), actor.required())
    policy = load_semantic_policy()
    feed = str(review.opened.payload["feed"])
    tables = tuple(policy.feeds[feed].tables) if feed in policy.feeds else (str(document["table"]),)
    days = arrival_days(settings, str(review.opened.payload["site"]), tables)
    payload = {member: review.opened.payload[member] for member in ("review", "site", "feed", "pattern")}
    payload |= {"document": review.digest}
    payload |= {"verdict": verdict, "reason": reason, "as_of": str(max([*days, review.windows.after_until]))}
    at = now()
    entry = open_records(settings).append(ANSWERED, actor.name, actor.act(ANSWERED, payload, at), at=at)
    return {**entry_document(entry), "page": str(write_page(settings, name))}


def _require_reviewer(settings: Settings, role: str, actor: Actor) -> None:
    person = open_records(settings).people().current(actor.name)
    if person is None or role not in person.roles:
        raise NotTheReviewer(
            f"{actor.name} is not registered as {role}, who answers this review; register them with: "
            f"pilothouse key new --as PERSON --role {role} --key FILE."
        )
