"""The receipt: what became of every record of one file.

What does not belong here: deciding it (landing.py) and where receipts lie (store.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from orchestration.feeds.naming import told_name

SCHEMA = "pilothouse.receipt/1"
UNRECOGNISED = "unrecognised"
NO_CONTRACT = "none"


@dataclass(frozen=True)
class Receipt:
    """Counts of one file. The unit is the line, the bundle entry or the row; a file quarantined whole counts 1."""

    feed: str
    contract: str
    file: str
    sha256: str
    received: int
    landed: int = 0
    duplicate: int = 0
    superseded: int = 0
    deleted: int = 0
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        told = self.landed + self.duplicate + self.superseded + self.deleted + self.quarantined
        if told != self.received or sum(self.reasons.values()) != self.quarantined:
            raise ValueError(
                f"The receipt of {self.sha256[:12]} does not add up: {self.received} received, {told} told."
            )

    @property
    def stored(self) -> int:
        """Records that this file put into the lake."""
        return self.landed + self.superseded + self.deleted

    def to_json(self) -> dict[str, object]:
        """Return the receipt as commands print it."""
        return {
            "feed": self.feed,
            "contract": self.contract,
            "file": self.file,
            "sha256": self.sha256,
            "received": self.received,
            "landed": self.landed,
            "duplicate": self.duplicate,
            "superseded": self.superseded,
            "deleted": self.deleted,
            "quarantined": self.quarantined,
            "reasons": dict(sorted(self.reasons.items())),
        }

    def repeated(self) -> "Receipt":
        """Return the receipt of the same bytes arriving again: what was taken is now a duplicate."""
        return Receipt(
            feed=self.feed,
            contract=self.contract,
            file=self.file,
            sha256=self.sha256,
            received=self.received,
            duplicate=self.received - self.quarantined,
            quarantined=self.quarantined,
            reasons=self.reasons,
        )


class StoredReceipt(BaseModel):
    """A receipt as it lies on disk: the counts, and what lineage and re-runs need. One without a schema is of before
    receipts named theirs, and reads the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["pilothouse.receipt/1"] = Field(default=SCHEMA, alias="schema")
    feed: str
    contract: str
    file: str
    sha256: str
    received: int
    landed: int
    duplicate: int
    superseded: int
    deleted: int
    quarantined: int
    reasons: dict[str, int]
    attempt: int
    arrived_at: str
    first_arrived_at: str | None = None
    archive: str | None
    tables: dict[str, int]

    @field_validator("file")
    @classmethod
    def _file_is_told(cls, name: str) -> str:
        """A receipt of an earlier version holds the name as it came."""
        return told_name(name)

    def receipt(self) -> Receipt:
        """Return the counts alone."""
        kept = {"schema_", "attempt", "arrived_at", "first_arrived_at", "archive", "tables"}
        return Receipt(**self.model_dump(exclude=kept))
