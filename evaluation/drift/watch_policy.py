"""When a shift is worth a person's attention: what ``watch.yaml`` declares, read strictly.

What does not belong here: comparing windows (``segments``).
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from evaluation.drift.verdict import DriftInputError
from evaluation.strict_yaml import first_fault, read_one

FILE = Path(__file__).parent / "watch.yaml"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=20)]
Days = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Windows(_Frozen):
    """How many days are looked at, and how many of them must have rows."""

    current_days: Days
    fewest_days: Days
    rationale: Text


class FewestRows(_Frozen):
    """Rows that a segment needs on either side."""

    rows: Annotated[int, Field(ge=30)]
    rationale: Text


class Effects(_Frozen):
    """Least effects, any of which suffices: of the mean in standard deviations, of the shape as a Jensen-Shannon
    distance, and of missing values as a share of the rows."""

    mean_moved: Annotated[float, Field(gt=0)]
    shape_moved: Annotated[float, Field(gt=0, lt=1)]
    missing_moved: Annotated[float, Field(gt=0, lt=1)]
    rationale: Text


class FalseDiscovery(_Frozen):
    """How chance is held down over everything that one look compares."""

    rate: Annotated[float, Field(gt=0, lt=1)]
    procedure: Literal["benjamini_yekutieli", "benjamini_hochberg"]
    rationale: Text


class Jumps(_Frozen):
    """When the last days of a number are a jump: its size, in standard deviations before and since, or as a share of
    rows that went missing; how many days and rows it needs, and how many days before it. Days with less than a share
    of the median day's rows are left out."""

    spreads: Annotated[float, Field(gt=0)]
    spreads_since: Annotated[float, Field(gt=0)]
    missing: Annotated[float, Field(gt=0, le=1)]
    fewest_days: Days
    earlier_days: Days
    fewest_rows: Annotated[int, Field(ge=30)]
    day_share: Annotated[float, Field(gt=0, lt=1)]
    severity: Literal["low", "medium", "high"]
    rationale: Text


class Telling(_Frozen):
    """How a cause is told, and for how long it is not told again."""

    severity: Literal["low", "medium", "high"]
    quiet_days: Annotated[int, Field(ge=0)]
    rationale: Text


class WatchPolicy(_Frozen):
    """The whole file."""

    schema_: Literal["pilothouse.drift_watch/1"] = Field(alias="schema")
    owner: Name
    date: date
    windows: Windows
    fewest_rows: FewestRows
    effects: Effects
    false_discovery: FalseDiscovery
    jumps: Jumps
    telling: Telling


def load_watch_policy(path: Path = FILE) -> WatchPolicy:
    """Read the policy. Raises :class:`DriftInputError` naming the file and the member."""
    try:
        return WatchPolicy.model_validate(read_one(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DriftInputError(f"{path.name} cannot be read as YAML: {error}") from error
    except ValidationError as error:
        raise DriftInputError(f"{path.name}: {first_fault(error)}.") from error
