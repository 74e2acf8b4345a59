"""What entries about incidents hold: what was seen, what was found, and what the source sent again.

Other kinds of entry, and which class is whose, stand in ``payloads.py``.
"""

from typing import Annotated, Literal

from pydantic import Field

from evaluation.ledger.payload_shapes import Digest, Instant, Line, Name, Operational, Payload


class IncidentOpened(Operational):
    incident: Name
    severity: Literal["low", "medium", "high"]
    what: Line
    found_by: Line
    release: Digest | None
    occurred_at: Instant | None = None
    feed: Name | None = None
    consequence: Line | None = None


class Corrected(Payload):
    """What a source had sent wrong and sent again: which features, from when until when, and in which landed files."""

    feed: Name
    columns: Annotated[list[Name], Field(min_length=1)]
    wrong_from: Instant
    wrong_until: Instant
    files: Annotated[list[Digest], Field(min_length=1)]


class IncidentClosed(Operational):
    incident: Name
    cause: Line
    done: Line
    finding: Name | None = None
    consequence: Line | None = None
    corrected: Corrected | None = None
