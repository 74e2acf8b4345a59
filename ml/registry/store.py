"""Release folders: written once, complete or not at all, and verified to the last byte when loaded.

`releases/<digest>/` holds `manifest.json`, `manifest.sig`, `card.yaml`, `model/<files>`, `model.sig`, and nothing else.
Which release is served (`pointer.py`) and what a model is (`ml/training`) do not belong here.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import ValidationError

from ml.registry import ManifestError, ReleaseError, SignatureError
from ml.registry.board import BoardLayout
from ml.registry.card import CardLayout
from ml.registry.files import fsync_folder, make_folder, read_bounded, write_durably
from ml.registry.layout import Layout, card_digest, card_file, read_card
from ml.registry.manifest import FILE_NAME, PURPOSE, ReleaseManifest, parse_manifest
from ml.registry.openssf import MODEL_SIGNATURE, sign_model, verify_model
from ml.registry.signing import PublicKey, Signature, Signer

MANIFEST, SIGNATURE, CARD, MODEL = "manifest.json", "manifest.sig", "card.yaml", "model"
MAX_MANIFEST_BYTES = 1024 * 1024
MAX_SIGNATURE_BYTES = 1024
MAX_MODEL_FILE_BYTES = 512 * 1024 * 1024
LEFT_OVER = f".{MODEL_SIGNATURE}."
"""How the drafts of a signature began that earlier versions made in the release itself: nothing reads them."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class VerifiedRelease:
    """A release whose signature, digests and file list were all checked. Only `load_release` makes one."""

    digest: str
    manifest: ReleaseManifest
    layout: Layout
    folder: Path

    @property
    def card(self) -> CardLayout:
        """The layout of a use case that shows cards. Raises `ReleaseError` for another kind of release."""
        if not isinstance(self.layout, CardLayout):
            raise ReleaseError(f"A release of {self.manifest.use_case} shows no cards; its board shows plans.")
        return self.layout

    @property
    def board(self) -> BoardLayout:
        """The layout of a use case that shows plans. Raises `ReleaseError` for another kind of release."""
        if not isinstance(self.layout, BoardLayout):
            raise ReleaseError(f"A release of {self.manifest.use_case} shows no plans; it answers with cards.")
        return self.layout

    @property
    def model_folder(self) -> Path:
        return self.folder / MODEL


def release_folder(home: Path, digest: str) -> Path:
    """Where the release of that digest lies. Raises `ReleaseError` when it is no digest."""
    if not _DIGEST.fullmatch(digest):
        raise ReleaseError("A release is named by 64 lower-case hex digits; this name is something else.")
    return home / "releases" / digest


def model_files(bundle: Path) -> dict[str, str]:
    """Name and SHA-256 of every file of a model bundle.

    Raises `ReleaseError` for anything but plain files.
    """
    return {path.name: _sha256(path) for path in sorted(_plain_files(bundle))}


def write_release(home: Path, fields: Mapping[str, object], bundle: Path, card: Path, signer: Signer) -> str:
    """Write, sign and verify a release; return its digest.

    `fields` is the manifest as plain data. The folder appears in one rename, so a crash leaves no half
    release. Writing the same release again changes nothing. Raises `ManifestError` or `ReleaseError`.
    """
    manifest = parse_manifest(fields)
    folder = release_folder(home, manifest.digest)
    if folder.exists():
        sign_if_needed(home, load_release(home, manifest.digest, signer.public))
        return manifest.digest
    make_folder(folder.parent)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
    try:
        _fill(draft, manifest, bundle, card, signer)
        sign_model(home, draft / MODEL, draft / MODEL_SIGNATURE)
        _verify(draft, manifest.digest, signer.public)
        draft.rename(folder)
    except BaseException:  # whatever stopped it, an interrupt included: no draft is left behind
        shutil.rmtree(draft, ignore_errors=True)
        raise
    fsync_folder(folder.parent)
    return manifest.digest


def load_release(home: Path, digest: str, public_key: PublicKey) -> VerifiedRelease:
    """Verify a release folder: signature, digest, every file, and that nothing else lies there.

    Raises `SignatureError`, `ManifestError` or `ReleaseError`.
    """
    folder = release_folder(home, digest)
    if folder.is_symlink() or not folder.is_dir():
        raise ReleaseError(f"Release {digest[:12]} is not in this home; restore it from the backup.")
    return _verify(folder, digest, public_key)


def sign_if_needed(home: Path, release: VerifiedRelease) -> None:
    """Sign the model of a release of before models were signed by themselves; its manifest was verified just now."""
    if not (release.folder / MODEL_SIGNATURE).exists():
        sign_model(home, release.model_folder, release.folder / MODEL_SIGNATURE)


def require_signed_model(home: Path, release: VerifiedRelease) -> None:
    """What serving asks beyond `load_release`: the model's own signature.

    Raises `SignatureError`, `ReleaseError` and `KeyFileError`.
    """
    verify_model(home, release.model_folder, release.folder / MODEL_SIGNATURE)


def _fill(draft: Path, manifest: ReleaseManifest, bundle: Path, card: Path, signer: Signer) -> None:
    model = draft / MODEL
    model.mkdir()
    for source in _plain_files(bundle):
        write_durably(model / source.name, read_bounded(source, MAX_MODEL_FILE_BYTES))
    write_durably(draft / CARD, card_file(read_card(card)[1]))
    write_durably(draft / MANIFEST, manifest.canonical())
    signature = signer.sign(PURPOSE, manifest.canonical())
    write_durably(draft / SIGNATURE, orjson.dumps(signature.model_dump()))


def _verify(folder: Path, digest: str, public_key: PublicKey) -> VerifiedRelease:
    content = read_bounded(folder / MANIFEST, MAX_MANIFEST_BYTES)
    public_key.verify(PURPOSE, content, _signature(folder / SIGNATURE))
    manifest = parse_manifest(_json(content))
    if manifest.digest != digest or manifest.canonical() != content:
        raise ReleaseError(f"The manifest in release {digest[:12]} has another digest; it belongs elsewhere.")
    _require_only(folder, {MANIFEST, SIGNATURE, CARD, MODEL, MODEL_SIGNATURE})
    _verify_model(folder / MODEL, manifest)
    layout, document = read_card(folder / CARD)
    is_unchanged = read_bounded(folder / CARD, MAX_MANIFEST_BYTES) == card_file(document)
    if card_digest(document) != manifest.card.digest or not is_unchanged:
        raise ReleaseError("card.yaml is not the card layout that was approved; restore it from the backup.")
    if layout.use_case != manifest.use_case:
        raise ReleaseError("card.yaml is the layout of another use case; release again with the right one.")
    return VerifiedRelease(digest=digest, manifest=manifest, layout=layout, folder=folder)


def _verify_model(model: Path, manifest: ReleaseManifest) -> None:
    if model.is_symlink() or not model.is_dir():
        raise ReleaseError("The release has no model folder; restore it from the backup.")
    found = model_files(model)
    expected = manifest.model.files
    for name in sorted(expected.keys() | found.keys()):
        if found.get(name) != expected.get(name):
            fault = "missing" if name not in found else "not in the manifest" if name not in expected else "changed"
            raise ReleaseError(f"model/{name} is {fault}; restore the release from the backup, or release again.")


def _require_only(folder: Path, expected: set[str]) -> None:
    extra = {entry.name for entry in os.scandir(folder) if not entry.name.startswith(LEFT_OVER)} - expected
    if extra:
        raise ReleaseError(f"The release holds {len(extra)} entries that its manifest does not name; remove them.")


def _plain_files(folder: Path) -> list[Path]:
    entries = list(os.scandir(folder))
    for entry in entries:
        if entry.is_symlink() or not entry.is_file(follow_symlinks=False) or not re.match(FILE_NAME, entry.name):
            raise ReleaseError("A model folder holds plain files with plain names only; it has another entry.")
    return [Path(entry.path) for entry in entries]


def _sha256(path: Path) -> str:
    return hashlib.sha256(read_bounded(path, MAX_MODEL_FILE_BYTES)).hexdigest()


def _signature(path: Path) -> Signature:
    try:
        return Signature.model_validate_json(read_bounded(path, MAX_SIGNATURE_BYTES))
    except ValidationError as error:
        raise SignatureError("manifest.sig is no signature; restore it from the backup.") from error


def _json(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ManifestError("manifest.json is no JSON; restore it from the backup.") from error
