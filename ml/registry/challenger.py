"""The signed pointer to a challenger: a release that scores beside the one that a site serves, shown to nobody.

Its generation rises with every change. It has neither stage nor tier nor words for people: a challenger is in shadow,
or there is none. Here belong reading, checking and replacing it. Who may put a release there, and its ledger entry, do
not; nor does the pointer to what is served (`pointer.py`), which this one never touches.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ml.registry import PointerError, RegistryError
from ml.registry.canonical import canonical_json, document_digest
from ml.registry.files import locked, read_bounded, write_durably
from ml.registry.manifest import Digest, Slug, first_fault
from ml.registry.signing import PublicKey, Signature, Signer
from ml.registry.stages import Stage
from ml.registry.store import VerifiedRelease, load_release, require_signed_model

SCHEMA = "pilothouse.challenger/1"
PURPOSE = SCHEMA
FOLDER = "challengers"
MAX_BYTES, LONGEST_REASON = 16 * 1024, 1000
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Challenger(BaseModel):
    """What scores beside the served release of one use case at one site; `release` null: nothing does.

    `ledger_hash` is the entry that put it there, or that took its model out of here into service; null where somebody
    withdrew it, which no ledger holds up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["pilothouse.challenger/1"] = Field(alias="schema")
    use_case: Slug
    site: Slug
    generation: Annotated[int, Field(ge=1, le=2**53)]
    release: Digest | None
    issued_at: AwareDatetime
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]
    ledger_hash: Digest | None = None

    @property
    def digest(self) -> str:
        return document_digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data without the signature."""
        return self.model_dump(mode="json", by_alias=True)


def challenger_path(home: Path, use_case: str, site: str) -> Path:
    """Where the pointer lies. Raises `PointerError` for a name that is no plain slug."""
    if not (_SLUG.fullmatch(use_case) and _SLUG.fullmatch(site)):
        raise PointerError("A use case and a site are named by lower-case letters, digits, - and _ only.")
    return home / FOLDER / use_case / f"{site}.json"


def challenged_places(home: Path) -> set[tuple[str, str]]:
    """Every use case and site that has, or had, a challenger."""
    found = [path for path in (home / FOLDER).glob("*/*.json") if _SLUG.fullmatch(path.stem)]
    return {(path.parent.name, path.stem) for path in found}


def read_challenger(home: Path, use_case: str, site: str, public_key: PublicKey) -> Challenger | None:
    """Read and verify the pointer; None when there is none. Raises `PointerError` or `SignatureError`."""
    path = challenger_path(home, use_case, site)
    if not path.exists() and not path.is_symlink():
        return None
    pointer = _parse(read_bounded(path, MAX_BYTES), public_key)
    if (pointer.use_case, pointer.site) != (use_case, site):
        raise PointerError(f"The challenger of {use_case} at {site} is of another site or use case; withdraw it.")
    return pointer


def publish_challenger(
    home: Path,
    *,
    use_case: str,
    site: str,
    release: str,
    ledger_hash: str,
    reason: str,
    issued_at: datetime,
    signer: Signer,
    follows: int,
    above: int = 0,
) -> Challenger:
    """Sign a pointer of the next generation to a challenger, and put it in place in one step.

    `follows` is the generation that the caller decided upon (0: none), `above` one that is known to have been
    published. Raises `PointerError` when the present pointer cannot be trusted or is another one, and what
    `check_challenger` raises.
    """
    path = challenger_path(home, use_case, site)
    with locked(path):
        current = read_challenger(home, use_case, site, signer.public)
        present = current.generation if current else 0
        if present != follows:
            raise PointerError(f"The challenger changed meanwhile, from generation {follows} to {present}; ask again.")
        pointer = _next(use_case, site, max(above, present) + 1, release, issued_at, reason, ledger_hash)
        check_challenger(home, pointer, signer.public)
        _put(path, pointer, signer)
    return pointer


def withdraw_challenger(
    home: Path,
    *,
    use_case: str,
    site: str,
    reason: str,
    issued_at: datetime,
    signer: Signer,
    above: int = 0,
    ledger_hash: str | None = None,
) -> Challenger:
    """Put a pointer to nothing in place, whatever lies there. No release is read, and nothing stands in its way.

    After one that cannot be trusted the generation is the next `above`, where the ledger's entry is given; else it is
    taken from the clock, in milliseconds, above any ever counted.
    """
    path = challenger_path(home, use_case, site)
    with locked(path):
        try:
            current = read_challenger(home, use_case, site, signer.public)
            counted = current.generation if current else 0
        except RegistryError:
            counted = above if ledger_hash is not None else int(issued_at.timestamp() * 1000)
        pointer = _next(use_case, site, max(above, counted) + 1, None, issued_at, reason, ledger_hash)
        _put(path, pointer, signer)
    return pointer


def check_challenger(home: Path, pointer: Challenger, public_key: PublicKey) -> VerifiedRelease | None:
    """Load the release that `pointer` names and check that it may stand there; None when it names none.

    Raises `PointerError` for another site's release, one that was approved for more or less than shadow, or by nobody;
    and what `load_release` and `require_signed_model` raise.
    """
    if pointer.release is None:
        return None
    release = load_release(home, pointer.release, public_key)
    require_signed_model(home, release)
    manifest = release.manifest
    if (manifest.use_case, manifest.site) != (pointer.use_case, pointer.site):
        raise PointerError("The challenger was made for another use case or site; a release scores only for its own.")
    if manifest.stage is not Stage.SHADOW or not manifest.approvals:
        raise PointerError("The challenger was not approved for shadow; only such a release scores beside another.")
    return release


def check_follows(pointer: Challenger, last_generation: int, last_digest: str) -> None:
    """Refuse a pointer that goes back, given the generation and digest of the last one seen. Raises `PointerError`."""
    where = f"The challenger of {pointer.use_case} at {pointer.site}"
    if pointer.generation < last_generation:
        raise PointerError(
            f"{where} went back from generation {last_generation} to {pointer.generation}; withdraw it: pilothouse "
            "rollback --challenger"
        )
    if pointer.generation == last_generation and pointer.digest != last_digest:
        raise PointerError(f"{where} exists in two versions of generation {last_generation}; withdraw it.")


def _next(
    use_case: str, site: str, generation: int, release: str | None, at: datetime, reason: str, ledger_hash: str | None
) -> Challenger:
    document = {
        "schema": SCHEMA,
        "use_case": use_case,
        "site": site,
        "generation": generation,
        "release": release,
        "issued_at": at,
        "reason": reason[:LONGEST_REASON],
        "ledger_hash": ledger_hash,
    }
    return _validated(document)


def _put(path: Path, pointer: Challenger, signer: Signer) -> None:
    document = pointer.to_json()
    signature = signer.sign(PURPOSE, canonical_json(document))
    write_durably(path, canonical_json({**document, "signature": signature.model_dump()}))


def _parse(content: bytes, public_key: PublicKey) -> Challenger:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise PointerError("The challenger's pointer is no JSON; withdraw it.") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise PointerError(f"The challenger's pointer has another schema than {SCHEMA!r}; withdraw it.")
    try:
        signature = Signature.model_validate(document.pop("signature", None))
    except ValidationError as error:
        raise PointerError("The challenger's pointer has no well-formed signature; withdraw it.") from error
    public_key.verify(PURPOSE, canonical_json(document), signature)
    return _validated(document)


def _validated(document: dict[str, Any]) -> Challenger:
    try:
        return Challenger.model_validate(document)
    except ValidationError as error:
        raise PointerError(first_fault("The challenger's pointer", error)) from error
