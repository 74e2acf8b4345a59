"""The signed plan: what a use case that advises a unit, and not a visit, says about the coming shifts.

A forecast of demand and a roster are made ahead of the meeting that they are for. Here belong the shape of what is
published, its signature and its place; making one, and who may see it, do not. A plan names the release that it was
made under, so that a board never shows the words of a model that is no longer released.
"""

import datetime as dt
import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ml.registry import PlanError
from ml.registry.canonical import canonical_json, document_digest
from ml.registry.files import make_folder, read_bounded, write_durably
from ml.registry.manifest import Digest, Slug, Unit, first_fault
from ml.registry.pointer import pointer_path
from ml.registry.signing import PublicKey, Signature, Signer
from ml.registry.stages import Tier

SCHEMA = "pilothouse.plan/1"
PURPOSE = SCHEMA
MAX_BYTES = 8 * 1024 * 1024
CURRENT = "current.json"

Sentence = Annotated[str, Field(min_length=1, max_length=1000)]
Amount = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Line(_Part):
    """What is expected of one unit in one shift, of one target (`census`, or a skill such as `RN`).

    `lower`, `median` and `upper` are the 5 %, 50 % and 95 % quantiles in `measure`. `planned` is what the roster
    holds of it, and `before` the median that the plan before this one said.
    """

    unit: Unit
    date: dt.date
    shift: Slug
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    target: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
    measure: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z_/ -]{0,31}$")]
    lower: Amount
    median: Amount
    upper: Amount
    planned: Amount | None = None
    before: Amount | None = None
    reason: Sentence | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.lower <= self.median <= self.upper:
            raise ValueError("the quantiles of a line do not rise: lower, median, upper")
        if self.starts_at >= self.ends_at:
            raise ValueError("a shift ends after it starts")
        return self

    @property
    def about(self) -> tuple[str, dt.date, str, str]:
        """What the line speaks of; a plan has one line for each."""
        return self.unit, self.date, self.shift, self.target


class Upstream(_Part):
    """A use case whose answer went into this one, and in which state it was."""

    use_case: Slug
    release: Digest | None
    tier: Tier | None
    said: Sentence


class GaveWay(_Part):
    """A wish or a soft rule that was not kept, and for which rule. Nobody is named."""

    wish: Sentence
    rule: Sentence
    cost: Amount


class Plan(_Part):
    """One plan of one use case for one site. Times carry a zone; `as_of` is what had arrived."""

    schema_: Literal["pilothouse.plan/1"] = Field(alias="schema")
    use_case: Slug
    site: Slug
    issued_at: AwareDatetime
    as_of: AwareDatetime
    valid_until: AwareDatetime
    release: Digest
    tier: Tier
    tier_reason: Sentence | None
    upstream: tuple[Upstream, ...] = ()
    lines: Annotated[tuple[Line, ...], Field(max_length=50_000)]
    gave_way: Annotated[tuple[GaveWay, ...], Field(max_length=5_000)] = ()
    notes: Annotated[tuple[Sentence, ...], Field(max_length=100)] = ()
    previous: Digest | None

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if len({line.about for line in self.lines}) != len(self.lines):
            raise ValueError("two lines speak of the same unit, date, shift and target")
        if self.issued_at >= self.valid_until:
            raise ValueError("valid_until lies before issued_at")
        return self

    @cached_property
    def digest(self) -> str:
        """Document digest: the plan's name."""
        return document_digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data without the signature."""
        return self.model_dump(mode="json", by_alias=True)

    def of_unit(self, unit: str) -> tuple[Line, ...]:
        """The lines of one unit, by shift."""
        return self._by_unit.get(unit, ())

    @cached_property
    def _by_unit(self) -> dict[str, tuple[Line, ...]]:
        found: dict[str, list[Line]] = {}
        for line in sorted(self.lines, key=lambda one: one.starts_at):
            found.setdefault(line.unit, []).append(line)
        return {unit: tuple(lines) for unit, lines in found.items()}


def plan_folder(home: Path, use_case: str, site: str) -> Path:
    """Where the plans of a use case at a site lie. Raises `PointerError` for a name that is no plain slug."""
    pointer_path(home, use_case, site)  # the one place that knows what a plain name is
    return home / "plans" / use_case / site


def read_plan(home: Path, use_case: str, site: str, public_key: PublicKey) -> Plan | None:
    """Read and verify the current plan; None when none was published. Raises `PlanError` or `SignatureError`."""
    path = plan_folder(home, use_case, site) / CURRENT
    if not path.exists() and not path.is_symlink():
        return None
    plan = _parse(read_bounded(path, MAX_BYTES), public_key)
    if (plan.use_case, plan.site) != (use_case, site):
        raise PlanError(f"The plan of {use_case} at {site} was made for another site or use case; publish it again.")
    return plan


def plans_since(home: Path, use_case: str, site: str, public_key: PublicKey, since: datetime) -> tuple[Plan, ...]:
    """Read and verify every plan that was issued from `since` on, the newest first, each by the digest that the next
    names. Raises as `read_plan` does, and `PlanError` where one is gone."""
    found: list[Plan] = []
    plan = read_plan(home, use_case, site, public_key)
    while plan is not None and plan.issued_at >= since:
        found.append(plan)
        if plan.previous is None:
            break
        path = plan_folder(home, use_case, site) / f"{plan.previous}.json"
        if not path.exists():
            raise PlanError(
                f"The plan {plan.previous[:12]} of {use_case} at {site} is gone; restore it from the backup."
            )
        before, plan = plan, _parse(read_bounded(path, MAX_BYTES), public_key)
        if plan.digest != before.previous:
            raise PlanError(f"The plan {plan.digest[:12]} of {use_case} at {site} lies in the place of another.")
    return tuple(found)


def publish_plan(home: Path, fields: dict[str, Any], signer: Signer) -> Plan:
    """Sign a plan, keep it under its digest and put it in place in one step; `previous` and `before` are filled in.

    `fields` is the plan as plain data without `schema` and `previous`. An older plan never replaces a newer one.
    Raises `PlanError`, and what `read_plan` raises: a plan that cannot be trusted is not quietly replaced.
    """
    folder = plan_folder(home, str(fields["use_case"]), str(fields["site"]))
    with _locked(folder):
        current = read_plan(home, str(fields["use_case"]), str(fields["site"]), signer.public)
        plan = _validated({**fields, "schema": SCHEMA, "previous": current and current.digest})
        plan = _with_before(plan, current)
        if current is not None and plan.issued_at < current.issued_at:
            raise PlanError(
                f"The plan of {plan.use_case} at {plan.site} was issued {plan.issued_at:%Y-%m-%d %H:%M}, before the "
                f"one in place ({current.issued_at:%Y-%m-%d %H:%M}); make it with a later clock."
            )
        signature = signer.sign(PURPOSE, canonical_json(plan.to_json()))
        content = orjson.dumps({"plan": plan.to_json(), "signature": signature.model_dump()})
        write_durably(folder / f"{plan.digest}.json", content)
        write_durably(folder / CURRENT, content)
    return plan


def _with_before(plan: Plan, current: Plan | None) -> Plan:
    said = {} if current is None else {line.about: line.median for line in current.lines}
    lines = tuple(line.model_copy(update={"before": said.get(line.about)}) for line in plan.lines)
    return plan.model_copy(update={"lines": lines})


def _parse(content: bytes, public_key: PublicKey) -> Plan:
    try:
        document = orjson.loads(content)
        signature = Signature.model_validate(document["signature"])
        plan = _validated(document["plan"])
    except (orjson.JSONDecodeError, TypeError, KeyError, ValidationError) as error:
        raise PlanError("A published plan cannot be read; publish it again.") from error
    public_key.verify(PURPOSE, canonical_json(plan.to_json()), signature)
    return plan


def _validated(fields: dict[str, Any]) -> Plan:
    try:
        return Plan.model_validate(fields)
    except ValidationError as error:
        raise PlanError(first_fault("The plan", error)) from error


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    make_folder(folder)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_current(plan: Plan, release: str | None, now: datetime) -> str | None:
    """Say why a plan may not be shown under the release that is served; None when it may."""
    if plan.release != release:
        return "it was made under another release; the next plan is made under this one"
    if now >= plan.valid_until:
        return f"it ended {plan.valid_until:%Y-%m-%d %H:%M} UTC and no newer one was published"
    return None
