"""Release folders: complete or absent, and verified to the last byte."""

from pathlib import Path
from typing import Any

import pytest
from serving_homes import CARD, Home, digest_of

from ml.registry import ManifestError, RegistryError, ReleaseError, SignatureError
from ml.registry.signing import new_private_key
from ml.registry.store import load_release, release_folder, write_release


@pytest.fixture
def digest(home: Home) -> str:
    return home.release()


def load(home: Home, digest: str) -> Any:
    return load_release(home.path, digest, home.signer.public)


def test_a_release_loads_as_it_was_written(home: Home, digest: str) -> None:
    release = load(home, digest)
    assert release.digest == digest == release.manifest.digest
    assert release.card.outcome == "critical_care"
    assert {path.name for path in release.model_folder.iterdir()} == set(release.manifest.model.files)
    assert {path.name for path in release.folder.iterdir()} == {
        "manifest.json",
        "manifest.sig",
        "card.yaml",
        "model",
        "model.sig",
    }


def test_a_home_can_be_moved(home: Home, digest: str, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    (tmp_path / "releases").rename(moved)
    moved.rename(tmp_path / "releases")
    assert load(home, digest).digest == digest


def test_writing_the_same_release_again_changes_nothing(home: Home) -> None:
    bundle = home.bundle()
    fields, card = home.fields(bundle), home.card()
    first = write_release(home.path, fields, bundle, card, home.signer)
    before = {path: path.stat().st_mtime_ns for path in release_folder(home.path, first).rglob("*")}
    assert write_release(home.path, fields, bundle, card, home.signer) == first
    assert {path: path.stat().st_mtime_ns for path in release_folder(home.path, first).rglob("*")} == before


def test_a_release_that_cannot_be_verified_is_never_written(home: Home) -> None:
    bundle = home.bundle()
    fields = home.fields(bundle)
    (bundle / "bundle.json").write_text("{}")
    with pytest.raises(ReleaseError, match=r"model/bundle.json is changed"):
        write_release(home.path, fields, bundle, home.card(), home.signer)
    assert list((home.path / "releases").iterdir()) == []


def test_a_card_that_was_not_approved_is_never_written(home: Home) -> None:
    bundle = home.bundle()
    card = home.card({**CARD, "display_threshold": 0.05})
    with pytest.raises(ReleaseError, match="not the card layout that was approved"):
        write_release(home.path, home.fields(bundle), bundle, card, home.signer)


def test_a_card_of_another_use_case_is_never_written(home: Home) -> None:
    other = {**CARD, "use_case": "staffing"}
    with pytest.raises(ReleaseError, match="another use case"):
        home.release(card=other)


def test_every_single_byte_of_the_manifest_counts(home: Home, digest: str) -> None:
    path = release_folder(home.path, digest) / "manifest.json"
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(SignatureError):
            load(home, digest)
    path.write_bytes(content)
    assert load(home, digest).digest == digest


@pytest.mark.parametrize(
    "name", ["card.yaml", "model/bundle.json", "model/critical_care.lgb.txt", "model/vocabulary.json"]
)
def test_a_changed_file_is_refused_by_name(home: Home, digest: str, name: str) -> None:
    path = release_folder(home.path, digest) / name
    path.write_bytes(path.read_bytes() + b"\n# more\n")
    with pytest.raises(ReleaseError, match=name.replace(".", r"\.") + "( is changed| is not the card)"):
        load(home, digest)


def test_a_missing_file_is_refused(home: Home, digest: str) -> None:
    (release_folder(home.path, digest) / "model" / "vocabulary.json").unlink()
    with pytest.raises(ReleaseError, match=r"model/vocabulary.json is missing"):
        load(home, digest)


@pytest.mark.parametrize(
    ("name", "message"), [("model/more.json", "not in the manifest"), ("more.txt", "does not name")]
)
def test_an_extra_file_is_refused(home: Home, digest: str, name: str, message: str) -> None:
    (release_folder(home.path, digest) / name).write_text("{}")
    with pytest.raises(ReleaseError, match=message):
        load(home, digest)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "card.yaml", "model/bundle.json"])
def test_a_symbolic_link_is_refused_even_to_the_same_bytes(home: Home, digest: str, name: str, tmp_path: Path) -> None:
    path = release_folder(home.path, digest) / name
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(ReleaseError):
        load(home, digest)


def test_a_linked_model_folder_or_release_is_refused(home: Home, digest: str, tmp_path: Path) -> None:
    folder = release_folder(home.path, digest)
    (folder / "model").rename(tmp_path / "model")
    (folder / "model").symlink_to(tmp_path / "model")
    with pytest.raises(ReleaseError, match="no model folder"):
        load(home, digest)
    (folder / "model").unlink()
    (tmp_path / "model").rename(folder / "model")
    folder.rename(tmp_path / "release")
    folder.symlink_to(tmp_path / "release")
    with pytest.raises(ReleaseError, match="not in this home"):
        load(home, digest)


def test_a_folder_among_the_model_files_is_refused(home: Home, digest: str) -> None:
    (release_folder(home.path, digest) / "model" / "more").mkdir()
    with pytest.raises(ReleaseError, match="plain files"):
        load(home, digest)


def test_a_manifest_under_another_digest_is_refused(home: Home, digest: str) -> None:
    other = digest_of("other")
    release_folder(home.path, digest).rename(release_folder(home.path, other))
    with pytest.raises(ReleaseError, match="another digest"):
        load(home, other)


def test_a_file_beyond_its_bound_is_refused(home: Home, digest: str) -> None:
    (release_folder(home.path, digest) / "manifest.sig").write_bytes(b" " * 2000)
    with pytest.raises(ReleaseError, match="larger than 1024 bytes"):
        load(home, digest)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"algorithm":"none","key_id":"0","value":""}'])
def test_a_signature_that_is_none_is_refused(home: Home, digest: str, content: bytes) -> None:
    (release_folder(home.path, digest) / "manifest.sig").write_bytes(content)
    with pytest.raises(SignatureError, match=r"manifest.sig is no signature"):
        load(home, digest)


def test_a_release_signed_by_another_key_is_refused(home: Home, digest: str, tmp_path: Path) -> None:
    other = new_private_key(tmp_path / "other.pem")
    with pytest.raises(SignatureError, match="is signed by key"):
        load_release(home.path, digest, other.public)


def test_a_signed_manifest_of_an_unknown_schema_is_refused_as_such(home: Home, digest: str) -> None:
    """A later version signs with the same key: the signature fits, the words are unknown."""
    import orjson

    from ml.registry.manifest import PURPOSE

    folder = release_folder(home.path, digest)
    content = (folder / "manifest.json").read_bytes().replace(b"pilothouse.release/1", b"pilothouse.release/9")
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_bytes(orjson.dumps(home.signer.sign(PURPOSE, content).model_dump()))
    with pytest.raises(ManifestError, match=r"pilothouse.release/9"):
        load(home, digest)
    (folder / "manifest.json").write_bytes(b"{")
    (folder / "manifest.sig").write_bytes(orjson.dumps(home.signer.sign(PURPOSE, b"{").model_dump()))
    with pytest.raises(ManifestError, match="no JSON"):
        load(home, digest)


@pytest.mark.parametrize("digest", ["", "../../etc", "A" * 64, "0" * 63])
def test_a_name_that_is_no_digest_is_refused(home: Home, digest: str) -> None:
    with pytest.raises(RegistryError, match="64 lower-case hex digits"):
        load(home, digest)


def test_a_release_that_does_not_exist_is_refused(home: Home) -> None:
    with pytest.raises(ReleaseError, match="not in this home"):
        load(home, "0" * 64)
