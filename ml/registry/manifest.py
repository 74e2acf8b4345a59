"""The release manifest: what exactly is released, for whom, on which evidence, approved by whom.

Here belong its shape and its digest. Reading it from a folder (`store.py`) and judging it (another room) do
not. `schemas/release-1.json` is this model as JSON Schema, for the other side; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from ml.registry import ManifestError
from ml.registry.canonical import canonical_json, document_digest
from ml.registry.stages import Stage, Tier

SCHEMA = "pilothouse.release/1"
PURPOSE = SCHEMA
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"
"""A plain name: no folder, no leading dot, so that no name can leave the release folder."""

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
FileName = Annotated[str, Field(pattern=FILE_NAME)]
Unit = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Subject(_Part):
    """The digests that approvals are bound to; releases from before the last three were bound have five or seven."""

    model: Digest
    data: Digest
    contracts: Digest
    policy: Digest
    card: Digest
    intended_use: Digest | None = None
    features: Digest | None = None
    scope: Digest | None = None

    @model_serializer(mode="wrap")
    def _as_written(self, plain: SerializerFunctionWrapHandler) -> dict[str, str]:
        """Without what an older release does not have, so that its digest stays what was signed."""
        return {name: digest for name, digest in plain(self).items() if digest is not None}


class ModelRef(_Part):
    """The model bundle: every file by name and SHA-256; the digest is that of this mapping."""

    digest: Digest
    version: Name
    run_id: Name
    files: Annotated[dict[FileName, Digest], Field(min_length=1, max_length=100)]


class DataRef(_Part):
    """The snapshot the model was trained on."""

    snapshot: Digest
    as_of: AwareDatetime


class ContractRef(_Part):
    """One feed's contract as it stood."""

    version: Name
    sha256: Digest


class DigestRef(_Part):
    """Something known by its digest alone: policy, card, decision."""

    digest: Digest


class EvidenceRef(_Part):
    """One evidence document that the decision used."""

    kind: Name
    digest: Digest


class ApprovalRef(_Part):
    """One approval on the ledger."""

    kind: Name
    person: Name
    role: Name
    ledger_hash: Digest


class Scope(_Part):
    """Where the release may speak; an empty list is no limit."""

    units: tuple[Unit, ...] = ()
    shifts: tuple[Slug, ...] = ()

    @property
    def text(self) -> str:
        """In words; a list that names nothing leaves nothing out."""
        return f"units {', '.join(self.units) or 'all'}; shifts {', '.join(self.shifts) or 'all'}"

    @property
    def digest(self) -> str:
        """Document digest of what it allows: neither the order of names nor a name said twice makes it another."""
        return document_digest({"units": sorted(set(self.units)), "shifts": sorted(set(self.shifts))})


EVERYWHERE = Scope()


@dataclass(frozen=True)
class Nowhere:
    """No place at all, and why: what a site's file may say of a use case, and no release is made for."""

    why: str


Launch = Scope | Nowhere
"""Where a site's file lets a use case speak now (decision 0047)."""


class Fallback(_Part):
    """What happens when the model cannot answer: open = the next tier answers, closed = nothing does."""

    fail: Literal["open", "closed"]
    tiers: tuple[Tier, ...]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ranks = [tier.rank for tier in self.tiers]
        if not ranks or ranks[0] != Tier.MODEL.rank or ranks != sorted(set(ranks)):
            raise ValueError(f"tiers must start with model and go down, each once: {', '.join(Tier)}")
        return self


class ReleaseManifest(_Part):
    """One release of one use case at one site in one stage.

    Digest and signature live beside it, not in it.
    """

    schema_: Literal["pilothouse.release/1"] = Field(alias="schema")
    use_case: Slug
    site: Slug
    stage: Stage
    created_at: AwareDatetime
    subject: Subject
    model: ModelRef
    data: DataRef
    contracts: Annotated[dict[Slug, ContractRef], Field(min_length=1)]
    policy: DigestRef
    card: DigestRef
    evidence: tuple[EvidenceRef, ...]
    decision: DigestRef
    approvals: tuple[ApprovalRef, ...]
    author: Name
    scope: Scope
    accountable: Name
    fallback: Fallback
    previous: Digest | None

    @model_validator(mode="after")
    def _parts_are_the_subject(self) -> Self:
        actual = {
            "model": self.model.digest,
            "data": self.data.snapshot,
            "contracts": contracts_digest(self.contracts),
            "policy": self.policy.digest,
            "card": self.card.digest,
        }
        if self.subject.scope is not None:
            actual["scope"] = self.scope.digest
        for part, digest in actual.items():
            if getattr(self.subject, part) != digest:
                raise ValueError(f"subject.{part} is not the digest of the {part} of this manifest")
        if self.model.digest != document_digest(self.model.files):
            raise ValueError("model.digest is not the digest of model.files")
        return self

    @property
    def digest(self) -> str:
        """Document digest: the release's name."""
        return document_digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data, with times in ISO 8601."""
        return self.model_dump(mode="json", by_alias=True)

    def canonical(self) -> bytes:
        """The bytes that are stored and signed."""
        return canonical_json(self.to_json())


def contracts_digest(contracts: Mapping[str, ContractRef]) -> str:
    """Document digest of `{feed: {version, sha256}}`: the `contracts` of a release's subject."""
    return document_digest({feed: ref.model_dump() for feed, ref in contracts.items()})


def parse_manifest(document: object) -> ReleaseManifest:
    """Validate a decoded manifest.

    Raises `ManifestError` with the schema met, or with the first field that fails.
    """
    if not isinstance(document, Mapping):
        raise ManifestError("manifest.json is no JSON object; expected a release manifest.")
    found = document.get("schema")
    if found != SCHEMA:
        raise ManifestError(
            f"The manifest has schema {found!r}; this version reads {SCHEMA!r} only. Release again with this version."
        )
    try:
        return ReleaseManifest.model_validate(document)
    except ValidationError as error:
        raise ManifestError(first_fault("The manifest", error)) from error


def first_fault(subject: str, error: ValidationError) -> str:
    """One sentence on the first fault of a pydantic error, without the value that was found."""
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in fault["loc"]) or "the whole"
    return f"{subject} breaks its schema at {where}: {fault['msg']}. Write it again with this version."
