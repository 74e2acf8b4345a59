"""Reviews of meaning as the ledger and the home hold them: opened, joined by further changes of their cause, answered.

The ledger is bound by a digest to the document with the rows, which lies in `reviews/` under the home. What does not
belong here: watching feeds and answering (reviews), and what a review is opened with (opening).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from evaluation.canonical import document_digest
from evaluation.ledger import Entry, proof_of
from evaluation.reports import ReviewView, write_review
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.meanings.meaning import Windows
from orchestration.steps.record.records import now, open_records, who

FOLDER = "reviews"
OPENED, JOINED, ANSWERED = "meaning_review_opened", "meaning_review_joined", "meaning_review_answered"


class UnknownReview(StepError):
    """No review has that name, or its document is gone; the message lists those that wait."""


class ReviewChanged(StepError):
    """The document of a review is not the one that was put before its reader."""


@dataclass(frozen=True)
class Review:
    """A review as the ledger tells it: what joined it since, in order; `answer` is null while it waits."""

    opened: Entry
    joined: tuple[Entry, ...] = ()
    answer: Entry | None = None

    @property
    def name(self) -> str:
        return str(self.opened.payload["review"])

    @property
    def place(self) -> tuple[str, str]:
        """Site and feed."""
        return str(self.opened.payload["site"]), str(self.opened.payload["feed"])

    @property
    def verdict(self) -> str | None:
        return None if self.answer is None else str(self.answer.payload["verdict"])

    @property
    def digest(self) -> str:
        """That of its document as it stands."""
        return str((self.opened, *self.joined)[-1].payload["document"])

    @property
    def windows(self) -> Windows:
        return windows_of(self.opened)

    @property
    def patterns(self) -> Iterator[tuple[str, Windows]]:
        """What its changes are known by, each with the windows in which it was seen."""
        for entry in (self.opened, *self.joined):
            for pattern in cast("list[str]", entry.payload.get("patterns") or [entry.payload["pattern"]]):
                yield pattern, windows_of(entry)

    @property
    def as_of(self) -> date | None:
        """The last day of the feed that was known when it was answered."""
        return None if self.answer is None else date.fromisoformat(str(self.answer.payload["as_of"]))


def windows_of(entry: Entry) -> Windows:
    """Return the windows that an entry about a review was made from."""
    return Windows(*(date.fromisoformat(str(entry.payload[member])) for member in Windows.__dataclass_fields__))


def reviews_of(settings: Settings) -> list[Review]:
    """Return every review, the first opened first."""
    found: dict[str, Review] = {}
    for entry in open_records(settings).entries(kinds=(OPENED, JOINED, ANSWERED)):
        name = str(entry.payload["review"])
        if entry.kind == OPENED:
            found[name] = Review(entry)
        elif entry.kind == JOINED:
            found[name] = replace(found[name], joined=(*found[name].joined, entry))
        else:
            found[name] = replace(found[name], answer=entry)
    return list(found.values())


def named_review(settings: Settings, name: str) -> Review:
    """Return one review. Raises `UnknownReview`."""
    reviews = {review.name: review for review in reviews_of(settings)}
    if name not in reviews:
        waiting = [one.name for one in reviews.values() if one.answer is None]
        raise UnknownReview(f"There is no review {name!r}; waiting for an answer: {', '.join(waiting) or 'none'}.")
    return reviews[name]


def document_of(settings: Settings, review: Review) -> dict[str, Any]:
    """Return the document of a review.

    Raises `UnknownReview` where it is gone, and `ReviewChanged` where it is not the one that the ledger is bound to.
    """
    path = file_of(settings, review)
    if not path.exists():
        raise UnknownReview(f"{FOLDER}/{path.name} is gone; restore it from the backup: the ledger is bound to it.")
    try:
        document = json.loads(path.read_bytes())
        if _was_emptied(settings, document):  # what the ledger is bound to was seen, and is no more
            return cast("dict[str, Any]", document)
        is_same = document_digest(document) == review.digest == document["digest"]
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


def file_of(settings: Settings, review: Review) -> Path:
    """Return where the document of a review lies."""
    return document_file(settings, review.name, len(review.joined))


def document_file(settings: Settings, name: str, joined: int) -> Path:
    """Return where the document lies once so many entries joined a review: each has its own, so that a kill between
    document and ledger leaves the one that the ledger is bound to."""
    return settings.home / FOLDER / f"{name}{f'.{joined}' if joined else ''}.json"


def write_page(settings: Settings, name: str) -> Path:
    """Write the page of a review as it stands now; returns its path. Raises as `document_of`."""
    review = named_review(settings, name)
    answer = None
    if review.answer is not None:
        by = who(review.answer.actor, proof_of(review.answer))
        answer = {**review.answer.payload, "by": by, "at": f"{review.answer.at:%Y-%m-%d %H:%M} UTC"}
    view = ReviewView(document_of(settings, review), answer, now(), version("pilothouse"))
    return write_review(settings.reports / FOLDER, view)
