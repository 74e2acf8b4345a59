"""The published document of operations: orchestration writes it, the service only reads it, never a table.

Aggregates only, small cells already suppressed. What does not belong here: who may read which part (`readers.py`).
"""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ml.serving import ServingError

FILE = "ops/operations.json"
SCHEMA = "pilothouse.operations/1"


class OperationsUnreadable(ServingError):
    """The document is not there or cannot be read; the message says what to run."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Value(_Part):
    """A figure with its 95 % bounds and what it was counted on; without value where suppressed or not estimable."""

    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: int | None = None
    n_events: int | None = None


class Group(_Part):
    """The work of one unit, one shift, one role, or the whole site."""

    by: str
    value: str
    figures: dict[str, Value]


class Moved(_Part):
    """One column in one segment: effects of the last look at drift, None where too few values are there."""

    column: str
    by: str
    value: str
    mean_moved: float | None
    shape_moved: float | None
    missing_before: float | None = None
    missing_after: float | None = None
    q_value: float
    is_alarm: bool


class Period(_Part):
    """What was estimated of a month's visits without a card, and what came."""

    period: str
    estimated: dict[str, Value]
    realised: dict[str, Value]
    surprises: list[str]


class Beside(_Part):
    """What scores beside the release, shown to nobody: both on the same visits, the challenger minus the release, and
    what keeps it from the release's place besides approvals."""

    version: str | None
    since: datetime
    figures: dict[str, Value] = Field(default_factory=dict[str, Value])
    missing: list[str] = Field(default_factory=list[str])


class UseCaseState(_Part):
    """One use case at a site: what serves, how its model does, what drifted; `silent` says where the site's file
    silences what was approved."""

    use_case: str
    title: str
    stage: str
    tier: str | None
    figures: dict[str, Value] = Field(default_factory=dict[str, Value])
    drift_causes: list[str] | None = None
    drift_compared: int = 0
    moved: list[Moved] = Field(default_factory=list[Moved])
    periods: list[Period] = Field(default_factory=list[Period])
    blind_spot: str = ""
    silent: str | None = None
    challenger: Beside | None = None


class Level(_Part):
    """One service level."""

    title: str
    target: float
    share: float | None
    is_met: bool | None


class Read(_Part):
    """Reads of patients' data of one kind by one person for one reason; nobody can be identified by it alone."""

    who: str
    role: str
    what: str
    why: str
    first: datetime
    last: datetime
    times: int
    patients: str


class SiteState(_Part):
    """One site."""

    site: str
    label: str
    is_simulated: bool
    begin: datetime | None
    until: datetime | None
    open_incidents: int
    use_cases: list[UseCaseState]
    groups: list[Group]
    adjustments: dict[str, int]
    levels: list[Level]
    reads: list[Read] = Field(default_factory=list[Read])
    reads_left_out: int = 0


class Operations(_Part):
    """The whole document."""

    schema_: Literal["pilothouse.operations/1"] = Field(alias="schema")
    generated_at: datetime
    sites: list[SiteState]


def read_operations(home: Path) -> Operations:
    """Read the document. Raises `OperationsUnreadable`."""
    try:
        return Operations.model_validate_json((home / FILE).read_bytes())
    except FileNotFoundError as error:
        raise OperationsUnreadable("No page of operations is published yet; run: pilothouse run") from error
    except (OSError, ValidationError) as error:
        raise OperationsUnreadable(
            f"The published page of operations cannot be read ({type(error).__name__}); run: pilothouse run"
        ) from error
