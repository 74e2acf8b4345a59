"""What lies in a home says its form: what an earlier version wrote is read, what a later one wrote is refused."""

import json
from pathlib import Path

import pytest

from orchestration.feeds.errors import FeedError
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.reread import read_receipt
from orchestration.feeds.store import Store
from orchestration.feeds.vault import Vault, VaultError, schema
from orchestration.feeds.vault.schema import FILE, KEYRING, VAULT, mark, require
from orchestration.feeds.vault.vault import MARK

LINES = b'{"resourceType": "Patient", "id": "1"}\n'
RECEIPT = StoredReceipt(
    feed="ehr_fhir", contract="1.0.0", file="patients.ndjson", sha256="0" * 64, received=1, landed=1, duplicate=0,
    superseded=0, deleted=0, quarantined=0, reasons={}, attempt=1, arrived_at="2026-11-28T00:00:00+00:00", archive=None,
    tables={"fhir_patient": 1},
)  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Vault:
    """A vault that holds one file."""
    vault = Store(tmp_path).vault
    (tmp_path / "lines").write_bytes(LINES)
    with (tmp_path / "lines").open("rb") as stream:
        vault.keep(stream)
    vault.sync()
    return vault


def only(vault: Vault) -> Path:
    [path] = vault.folder.glob("??/*")
    return path


def test_a_receipt_says_its_schema_and_one_of_before_reads_the_same(tmp_path: Path) -> None:
    [path] = Store(tmp_path).write_receipts("city", [RECEIPT])
    document = json.loads(path.read_bytes())
    assert document["schema"] == "pilothouse.receipt/1" and read_receipt(path) == RECEIPT
    del document["schema"]
    path.write_text(json.dumps(document))
    assert read_receipt(path) == RECEIPT


@pytest.mark.parametrize(
    ("schema", "fault"), [("pilothouse.receipt/2", "is of pilothouse.receipt/2; this version reads"), (7, "is damaged")]
)
def test_a_receipt_of_a_later_version_is_named_as_that_and_not_as_damage(
    tmp_path: Path, schema: object, fault: str
) -> None:
    [path] = Store(tmp_path).write_receipts("city", [RECEIPT])
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "schema": schema, "more": 1}))
    with pytest.raises(FeedError, match=fault):
        read_receipt(path)


def test_a_vault_and_its_keyring_say_their_form_once_something_is_kept(kept: Vault) -> None:
    said = [json.loads((folder / FILE).read_bytes())["schema"] for folder in (kept.folder, kept.keyring.objects)]
    assert said == [VAULT, KEYRING]
    assert not list(kept.folder.parent.rglob(f".{FILE}*")), "no draft is left"


def test_a_vault_of_before_opens_and_says_its_form_when_it_is_marked(kept: Vault) -> None:
    for folder in (kept.folder, kept.keyring.objects):
        (folder / FILE).unlink()
    again = Vault.of(kept.folder.parent)
    assert again.object(only(kept).name).read_bytes() == LINES
    again.mark()
    test_a_vault_and_its_keyring_say_their_form_once_something_is_kept(again)


@pytest.mark.parametrize("of_keys", [False, True])
@pytest.mark.parametrize(
    ("content", "fault"),
    [('{"schema": "pilothouse.vault/2"}', "says pilothouse.vault/2; this version reads"), ("[", "cannot be read")],
)
def test_a_vault_of_a_later_version_is_refused_and_nothing_in_it_changes(
    kept: Vault, of_keys: bool, content: str, fault: str
) -> None:
    ((kept.keyring.objects if of_keys else kept.folder) / FILE).write_text(content)
    before = only(kept).read_bytes()
    for use in (Vault.of, Store):
        with pytest.raises(VaultError, match=fault):
            use(kept.folder.parent)
    assert only(kept).read_bytes() == before


def test_an_object_of_a_later_form_is_not_taken_for_a_plain_file_and_encrypted_again(kept: Vault) -> None:
    later = b"PHV2" + only(kept).read_bytes()[len(MARK) :]
    only(kept).write_bytes(later)
    for use in (kept.open, kept.kind, kept.erase):
        with pytest.raises(VaultError, match="have form 2; this version reads up to 1"):
            use(only(kept).name)
    assert only(kept).read_bytes() == later


def test_a_form_to_which_nothing_was_written_before_the_power_went_is_said_again(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"")
    require(tmp_path, VAULT)

    mark(tmp_path, VAULT)

    assert json.loads((tmp_path / FILE).read_bytes()) == {"schema": VAULT}


def test_a_form_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(schema, "flush", lambda _: done.append("file"))
    monkeypatch.setattr(schema, "sync_folder", lambda _: done.append(f"folder, {(tmp_path / FILE).exists()}"))

    mark(tmp_path, VAULT)

    assert done == ["file", "folder, True"]
