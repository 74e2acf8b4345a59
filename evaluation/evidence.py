"""Evidence: one small document per thing that was measured about one release subject.

Here belong the shape of the document, its validation, its digest and its file. How a figure is computed
(``metrics/``, ``drift/``) and what follows from it (``gates/``) do not.

A figure whose value is ``None`` could not be estimated, and a gate treats it as missing evidence; nothing
here ever turns it into a number.
"""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, cast, get_args

from evaluation import EvaluationError
from evaluation.canonical import document_digest

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

SCHEMA = "pilothouse.evidence/1"

Kind = Literal[
    "performance",
    "calibration",
    "net_benefit",
    "subgroups",
    "drift",
    "rehearsal",
    "parity",
    "shadow",
    "slo",
    "overrides",
    "segment_drift",
    "estimated",
    "workflow",
    "shadow_gap",
    "explanations",
    "adaptation",
    "side_by_side",
    "cross_site",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""Plain data: what JSON can hold, without NaN."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class EvidenceError(EvaluationError):
    """A document that does not follow ``evidence-1.json``, or whose digest is not that of its content."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a release is made of: digests (64 hex digits each). Change one and it is another release.

    ``intended_use`` is that of the use, population, contraindications and non-goals in writing, ``features`` that of
    what the model looks at, ``scope`` that of the units and shifts where it may speak; releases from before they were
    bound have none of them.
    """

    model: str
    data: str
    contracts: str
    policy: str
    card: str
    intended_use: str | None = None
    features: str | None = None
    scope: str | None = None

    def __post_init__(self) -> None:
        for name, digest in self.to_json().items():
            _require_digest(digest, f"subject.{name}")

    def to_json(self) -> dict[str, str]:
        """The digests by name; those that an older release does not have are left out, so that its own stays."""
        digests = {name: cast("str | None", getattr(self, name)) for name in self.__slots__}
        return {name: digest for name, digest in digests.items() if digest is not None}

    def changed_from(self, other: "Subject") -> list[str]:
        """Which digests of this subject are not, or not the same, in ``other``."""
        theirs = other.to_json()
        return [name for name, digest in self.to_json().items() if theirs.get(name) != digest]

    @property
    def digest(self) -> str:
        return document_digest(self.to_json())


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % confidence bounds and what it was counted on.

    ``value`` is ``None`` where the figure has no value (one class only, too few events, suppressed).
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None
    n: int | None = None
    n_events: int | None = None

    def __post_init__(self) -> None:
        for name in ("value", "lower", "upper"):
            number = cast("float | None", getattr(self, name))
            if number is None:
                continue
            if not math.isfinite(number):
                raise EvidenceError(f"figure.{name} is {number}; expected a finite number, or None.")
            object.__setattr__(self, name, float(number))  # numpy's float64 is no plain number of JSON
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise EvidenceError(f"figure bounds are the wrong way round: {self.lower} > {self.upper}.")

    def to_json(self) -> dict[str, float | int | None]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One document of evidence.

    ``subject_model`` and ``subject_data`` are the digests of the *release subject* the evidence speaks for
    (:class:`Subject` ``model`` and ``data``), so that a gate can refuse evidence about another model. Where
    the figures were measured on other rows than those (a later window, shadow traffic), say so in ``detail``.
    Instances are deeply read-only; the digest is that of the JSON form.
    """

    kind: Kind
    use_case: str
    site: str
    subject_model: str
    subject_data: str
    created_at: datetime
    figures: Mapping[str, Figure]
    detail: Mapping[str, Json]

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise EvidenceError("created_at has no time zone; pass a timezone-aware datetime.")
        object.__setattr__(self, "created_at", self.created_at.astimezone(UTC))
        object.__setattr__(self, "figures", MappingProxyType(dict(self.figures)))
        object.__setattr__(self, "detail", _frozen(self.detail))
        _validate(self.to_json())

    def __reduce__(self) -> tuple[object, tuple[dict[str, Json]]]:
        return (Evidence.from_json, (self.to_json(),))

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON form (64 hex digits)."""
        return _digest_of(self._content())

    def is_about(self, subject: Subject) -> bool:
        """Whether this evidence was made for exactly this model and this data."""
        return self.subject_model == subject.model and self.subject_data == subject.data

    def to_json(self) -> dict[str, Json]:
        """The document as plain data, ``digest`` included; ``from_json`` is its inverse."""
        content = self._content()
        return {**content, "digest": _digest_of(content)}

    @staticmethod
    def from_json(document: object) -> "Evidence":
        """Read a document, refusing one that breaks the schema or whose digest is not its own.

        Raises :class:`EvidenceError`.
        """
        _validate(document)
        plain = cast("dict[str, Json]", document)
        if plain["digest"] != _digest_of(plain):
            raise EvidenceError(
                f"evidence digest is {plain['digest']}, but its content has {_digest_of(plain)}: the document"
                " was changed after it was made. Measure again; do not repair it by hand."
            )
        return _from_valid(plain)

    def _content(self) -> dict[str, Json]:
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "use_case": self.use_case,
            "site": self.site,
            "subject_model": self.subject_model,
            "subject_data": self.subject_data,
            "created_at": self.created_at.isoformat().replace("+00:00", "Z"),
            "figures": {name: figure.to_json() for name, figure in self.figures.items()},
            "detail": _thawed(self.detail),
        }


@dataclass(frozen=True, slots=True)
class EvidenceHead:
    """What every document of one evaluation carries: whom it is about, when, and on which rows.

    ``window``: plain facts about the rows judged (site, from, until, snapshot), copied into each ``detail``.
    """

    use_case: str
    site: str
    subject_model: str
    subject_data: str
    created_at: datetime
    window: Mapping[str, Json]

    def evidence(self, kind: Kind, figures: Mapping[str, Figure], detail: Mapping[str, Json]) -> Evidence:
        """Make a document of this evaluation."""
        return Evidence(
            kind=kind,
            use_case=self.use_case,
            site=self.site,
            subject_model=self.subject_model,
            subject_data=self.subject_data,
            created_at=self.created_at,
            figures=figures,
            detail={"window": self.window, **detail},
        )


def evidence_path(folder: Path, evidence: Evidence) -> Path:
    """Where a document lies: ``<folder>/<kind>-<first 16 digits of digest>.json``."""
    return folder / f"{evidence.kind}-{evidence.digest[:16]}.json"


def write_evidence(folder: Path, evidence: Evidence) -> Path:
    """Write a document to its place (`evidence_path`), whole or not at all; give its path back."""
    folder.mkdir(parents=True, exist_ok=True)
    path = evidence_path(folder, evidence)
    draft = path.with_suffix(f".{os.getpid()}.part")
    draft.write_text(json.dumps(evidence.to_json(), indent=1, sort_keys=True, allow_nan=False) + "\n", "utf-8")
    draft.replace(path)
    return path


def read_evidence(path: Path) -> Evidence:
    """Read one file of evidence. Raises :class:`EvidenceError` naming the file, whatever is wrong."""
    try:
        return Evidence.from_json(json.loads(path.read_bytes()))
    except OSError as error:
        raise EvidenceError(f"{path.name}: cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise EvidenceError(f"{path.name}: is not JSON in UTF-8 ({error}).") from error
    except EvidenceError as error:
        raise EvidenceError(f"{path.name}: {error}") from error


def _from_valid(plain: Mapping[str, Json]) -> Evidence:
    figures = cast("Mapping[str, Mapping[str, float | None]]", plain["figures"])
    return Evidence(
        kind=cast("Kind", plain["kind"]),
        use_case=cast("str", plain["use_case"]),
        site=cast("str", plain["site"]),
        subject_model=cast("str", plain["subject_model"]),
        subject_data=cast("str", plain["subject_data"]),
        created_at=_instant(cast("str", plain["created_at"])),
        figures={name: _figure(members) for name, members in figures.items()},
        detail=cast("Mapping[str, Json]", plain["detail"]),
    )


def _figure(members: Mapping[str, float | None]) -> Figure:
    n, n_events = cast("int | None", members["n"]), cast("int | None", members["n_events"])
    return Figure(members["value"], members["lower"], members["upper"], n, n_events)


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise EvidenceError(f"created_at is no date and time: {text!r}.") from error


@lru_cache(maxsize=1)
def _validator() -> "Draft202012Validator":
    from jsonschema_rs import Draft202012Validator

    schema = resources.files("evaluation").joinpath("schemas/evidence-1.json").read_text("utf-8")
    return Draft202012Validator(json.loads(schema))


def _validate(document: object) -> None:
    try:
        error = next(iter(_validator().iter_errors(document)), None)
    except ValueError as unsupported:
        raise EvidenceError(f"evidence holds what JSON cannot: {unsupported}") from unsupported
    if error is None:
        return
    where = "/".join(str(step) for step in error.instance_path) or "the document"
    raise EvidenceError(f"evidence breaks schema {SCHEMA} at {where}: {error.message}")


def _digest_of(document: Mapping[str, Json]) -> str:
    try:
        return document_digest(document)
    except (TypeError, ValueError) as error:
        raise EvidenceError(f"evidence holds what JSON cannot: {error}") from error


def _require_digest(text: str, where: str) -> None:
    if not _DIGEST.fullmatch(text):
        raise EvidenceError(f"{where} is not a digest; expected 64 lower-case hex digits of SHA-256.")


def _frozen(value: Json) -> Json:
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(member) for key, member in value.items()})
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_frozen(member) for member in value)
    return float(value) if isinstance(value, float) else value


def _thawed(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _thawed(member) for key, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_thawed(member) for member in value]
    return value
