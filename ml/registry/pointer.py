"""The signed pointer: which release a site serves now. Its generation rises with every change.

Here belong reading, checking and replacing it. Who may move it, and the ledger entry of a move, do not.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ml.registry import PointerError, RegistryError
from ml.registry.canonical import canonical_json, document_digest
from ml.registry.files import locked, read_bounded, write_durably
from ml.registry.glass import Glass
from ml.registry.manifest import Digest, Slug, first_fault
from ml.registry.notice import Notice, after_step_down
from ml.registry.signing import PublicKey, Signature, Signer
from ml.registry.stages import Stage, Tier
from ml.registry.store import VerifiedRelease, load_release, require_signed_model

SCHEMA = "pilothouse.pointer/1"
PURPOSE = SCHEMA
MAX_BYTES, LONGEST_REASON = 16 * 1024, 1000
SIGNED_STEP = "tier, ledger entry "
"""How the reason began of a pointer whose tier a person signed, before `signed_step` said so; no other begins so."""
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Rollback(BaseModel):
    """The ledger entry that allows going back to an older release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger_hash: Digest


class Pointer(BaseModel):
    """What one site serves of one use case. `release` is null exactly when the stage is off.

    `last_release_at` is when the last release pointed to was created: the memory that outlives `off`.
    `rollback` stays on the pointer as long as the release it allowed. `notice` is what people are told when it steps
    down; a pointer from before there were notices has none, and then none stands in its document either. `glass` is
    there where somebody released past the gate, for a time that ends. `signed_step` is the number of the ledger entry
    in which a person who may step up signed the tier; it stands in no other pointer's document.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["pilothouse.pointer/1"] = Field(alias="schema")
    use_case: Slug
    site: Slug
    generation: Annotated[int, Field(ge=1, le=2**53)]
    release: Digest | None
    stage: Stage
    tier: Tier
    issued_at: AwareDatetime
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]
    last_release_at: AwareDatetime | None
    rollback: Rollback | None = None
    notice: Notice | None = None
    glass: Glass | None = None
    signed_step: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _off_means_no_release(self) -> Self:
        if (self.release is None) != (self.stage is Stage.OFF):
            raise ValueError("stage off has no release, and every other stage has one")
        return self

    @property
    def digest(self) -> str:
        return document_digest(self.to_json())

    @property
    def is_signed_step(self) -> bool:
        """Whether a person who may step up set its tier, which may still be below the one that the pointer had."""
        return self.signed_step is not None or self.reason.startswith(SIGNED_STEP)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data without the signature."""
        document = self.model_dump(mode="json", by_alias=True)
        for later in ("notice", "glass", "signed_step"):
            if document[later] is None:
                del document[later]  # as it was signed, and remembered by services, before there were any
        if self.glass is not None and self.glass.before is None:
            del document["glass"]["before"]
        return document


def pointer_path(home: Path, use_case: str, site: str) -> Path:
    """Where the pointer lies. Raises `PointerError` for a name that is no plain slug."""
    if not (_SLUG.fullmatch(use_case) and _SLUG.fullmatch(site)):
        raise PointerError("A use case and a site are named by lower-case letters, digits, - and _ only.")
    return home / "pointers" / use_case / f"{site}.json"


def pointed_sites(home: Path, use_case: str) -> tuple[str, ...]:
    """Every site that has a pointer of this use case, sorted."""
    folder = home / "pointers" / use_case
    return tuple(sorted(path.stem for path in folder.glob("*.json") if _SLUG.fullmatch(path.stem)))


def read_pointer(home: Path, use_case: str, site: str, public_key: PublicKey) -> Pointer | None:
    """Read and verify the pointer; None when there is none. Raises `PointerError` or `SignatureError`."""
    path = pointer_path(home, use_case, site)
    if not path.exists() and not path.is_symlink():
        return None
    pointer = _parse(read_bounded(path, MAX_BYTES), public_key)
    if (pointer.use_case, pointer.site) != (use_case, site):
        raise PointerError(f"The pointer of {use_case} at {site} is of another site or use case; publish it again.")
    return pointer


def publish_pointer(
    home: Path,
    *,
    use_case: str,
    site: str,
    release: str | None,
    stage: Stage,
    tier: Tier,
    reason: str,
    issued_at: datetime,
    signer: Signer,
    rollback_ledger_hash: str | None = None,
    follows: int | None = None,
    above: int = 0,
    notice: Notice | None = None,
    glass: Glass | None = None,
    signed_step: int | None = None,
) -> Pointer:
    """Sign a pointer of the next generation and put it in place in one step.

    `signed_step`: the ledger entry in which a person signed the tier, where one did.

    `follows` is the generation that the caller decided upon (0: none), `above` one that is known to have been
    published, whatever lies there now. Raises `PointerError` when the present pointer cannot be trusted or is not
    the one that the caller decided upon, when the stage is above the release's own, or when the release is older
    than the present one and no rollback entry is named; and what `load_release` raises.
    """
    path = pointer_path(home, use_case, site)
    with locked(path):
        current = read_pointer(home, use_case, site, signer.public)
        _require_follows(current, follows)
        created_at = None if release is None else load_release(home, release, signer.public).manifest.created_at
        pointer = _validated(
            {
                "schema": SCHEMA,
                "use_case": use_case,
                "site": site,
                "generation": max(above, current.generation if current else 0) + 1,
                "release": release,
                "stage": stage,
                "tier": tier,
                "issued_at": issued_at.astimezone(UTC),
                "reason": reason if signed_step else _unsigned(reason),
                "last_release_at": created_at or (current and current.last_release_at),
                "rollback": _rollback(current, release, rollback_ledger_hash),
                "notice": _told_further(current, release, stage, notice, issued_at),
                "glass": glass or _still_broken(current, release),
                "signed_step": signed_step,
            }
        )
        check_release(home, pointer, signer.public)
        if current is not None:
            check_succession(pointer, current.generation, current.digest, current.last_release_at)
        _put(path, pointer, signer)
    return pointer


def publish_lower(
    home: Path,
    *,
    use_case: str,
    site: str,
    stage: Stage,
    tier: Tier | None,
    reason: str,
    issued_at: datetime,
    signer: Signer,
    above: int = 0,
    notice: Notice | None = None,
) -> Pointer:
    """Step down on the release that the present pointer names, or switch off, in one step. Nothing stands in its way.

    No release is read: what was allowed before is only narrowed, and whoever serves verifies the release anyway.
    `tier` None keeps it. A pointer that is missing or cannot be trusted can only be followed by off; its generation
    is then taken from the clock, in milliseconds, which is above any that was ever counted, and any release from
    before counts as older. `above` is as in `publish_pointer`; `notice` None keeps the words that
    were there. Raises `PointerError` for a step that is not down.
    """
    path = pointer_path(home, use_case, site)
    with locked(path):
        try:
            current = read_pointer(home, use_case, site, signer.public)
        except RegistryError:
            current = None
        _require_lower(current, stage, tier)
        is_off = stage is Stage.OFF
        pointer = _validated(
            {
                "schema": SCHEMA,
                "use_case": use_case,
                "site": site,
                "generation": max(above, current.generation if current else int(issued_at.timestamp() * 1000)) + 1,
                "release": None if is_off or current is None else current.release,
                "stage": stage,
                "tier": tier or (current.tier if current else Tier.MODEL),
                "issued_at": issued_at.astimezone(UTC),
                "reason": _unsigned(reason),
                "last_release_at": current.last_release_at if current else issued_at.astimezone(UTC),
                "rollback": None if is_off or current is None else current.rollback,
                "notice": after_step_down(current and current.notice, notice, issued_at, was_shown=_was_shown(current)),
                "glass": _still_broken(current, None if is_off or current is None else current.release),
            }
        )
        _put(path, pointer, signer)
    return pointer


def withdraw_pointer(home: Path, use_case: str, site: str, at: datetime) -> Path | None:
    """Set aside whatever lies in the pointer's place, when not even a pointer that is off can be signed.

    Without a pointer nothing is served. Returns where it lies now, None when there was nothing.
    """
    path = pointer_path(home, use_case, site)
    if not path.exists() and not path.is_symlink():
        return None
    aside = path.with_name(f"{path.stem}.withdrawn-{at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}")
    path.rename(aside)
    return aside


def _require_follows(current: Pointer | None, follows: int | None) -> None:
    present = current.generation if current else 0
    if follows is not None and present != follows:
        raise PointerError(f"The pointer changed meanwhile, from generation {follows} to {present}; decide anew.")


def _require_lower(current: Pointer | None, stage: Stage, tier: Tier | None) -> None:
    if stage is Stage.OFF:
        return
    if current is None:
        raise PointerError("The present pointer is missing or cannot be trusted; it can only be followed by off.")
    lower = tier or current.tier
    if stage.rank > current.stage.rank or lower.rank < current.tier.rank:
        raise PointerError(
            f"From {current.stage} and {current.tier}, {stage} and {lower} is not a step down; to go up, promote it."
        )


def _put(path: Path, pointer: Pointer, signer: Signer) -> None:
    document = pointer.to_json()
    signature = signer.sign(PURPOSE, canonical_json(document))
    write_durably(path, canonical_json({**document, "signature": signature.model_dump()}))


def check_release(home: Path, pointer: Pointer, public_key: PublicKey) -> VerifiedRelease | None:
    """Load the release that `pointer` names and check that it may stand there; None when the pointer is off.

    Raises `PointerError` for another site's release or a stage above the one it was approved for, and what
    `load_release` and `require_signed_model` raise.
    """
    if pointer.release is None:
        return None
    release = load_release(home, pointer.release, public_key)
    require_signed_model(home, release)
    manifest = release.manifest
    if (manifest.use_case, manifest.site) != (pointer.use_case, pointer.site):
        raise PointerError("The release was made for another use case or site; a release serves only its own.")
    if pointer.stage.rank > manifest.stage.rank:
        raise PointerError(f"The release was approved for {manifest.stage}, not for {pointer.stage}; release it anew.")
    if not manifest.approvals and pointer.glass is None:
        raise PointerError("Nobody approved the release and no glass was broken for it; it serves nothing. Promote it.")
    if manifest.created_at != pointer.last_release_at:
        raise PointerError(
            "The pointer gives its release another time of creation than its manifest; publish it again."
        )
    return release


def check_succession(
    pointer: Pointer, last_generation: int, last_digest: str, last_release_at: datetime | None
) -> None:
    """Refuse a pointer that goes back, given the last one seen: its generation, digest and `last_release_at`.

    Raises `PointerError`.
    """
    where = f"The pointer of {pointer.use_case} at {pointer.site}"
    if pointer.generation < last_generation:
        raise PointerError(
            f"{where} went back from generation {last_generation} to {pointer.generation}; publish it "
            "again, with the "
            "ledger entry of a rollback if an older release is wanted."
        )
    if pointer.generation == last_generation and pointer.digest != last_digest:
        raise PointerError(f"{where} exists in two versions of generation {last_generation}; publish it again.")
    at = pointer.last_release_at
    if at is not None and last_release_at is not None and at < last_release_at and pointer.rollback is None:
        raise PointerError(f"{where} names an older release and no rollback entry; roll back through the ledger.")


def _rollback(current: Pointer | None, release: str | None, ledger_hash: str | None) -> dict[str, str] | None:
    if ledger_hash is not None:
        return {"ledger_hash": ledger_hash}
    if current is None or current.rollback is None or current.release != release:
        return None
    return current.rollback.model_dump()


def _unsigned(reason: str) -> str:
    """The reason of a step that nobody signed, which does not begin as older pointers' signed steps did."""
    return f"unsigned: {reason}"[:LONGEST_REASON] if reason.startswith(SIGNED_STEP) else reason


def _was_shown(current: Pointer | None) -> bool:
    """Whether people saw advice until now; where nobody can say, they are told."""
    return current is None or current.stage.rank >= Stage.ASSISTIVE.rank


def _told_further(
    current: Pointer | None, release: str | None, stage: Stage, notice: Notice | None, at: datetime
) -> Notice | None:
    """The words as they are given; those that were there stay where the release does, as when a tier steps up. They are
    told from now on where another release comes back out of sight."""
    if notice is not None and current is not None and _was_shown(current) and stage.rank < Stage.ASSISTIVE.rank:
        return notice.begun(at)
    if notice is not None or current is None or current.release != release:
        return notice
    return current.notice


def _still_broken(current: Pointer | None, release: str | None) -> Glass | None:
    """The glass that stays: whatever else changes about the same release, its time goes on to end."""
    is_same = current is not None and release is not None and current.release == release
    return current.glass if is_same and current is not None else None


def _parse(content: bytes, public_key: PublicKey) -> Pointer:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise PointerError("The pointer is no JSON; publish it again.") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise PointerError(f"The pointer has another schema; this version reads {SCHEMA!r} only. Publish it again.")
    try:
        signature = Signature.model_validate(document.pop("signature", None))
    except ValidationError as error:
        raise PointerError("The pointer has no well-formed signature; publish it again.") from error
    public_key.verify(PURPOSE, canonical_json(document), signature)
    return _validated(document)


def _validated(document: dict[str, Any]) -> Pointer:
    try:
        return Pointer.model_validate(document)
    except ValidationError as error:
        raise PointerError(first_fault("The pointer", error)) from error
