"""A home says which version it has: an earlier one is brought forward, a later one refused, and nothing is lost."""

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml.registry.store import require_signed_model
from orchestration.cli import main
from orchestration.feeds.vault import RawObject, Vault
from orchestration.feeds.vault.schema import FILE as VAULT_SCHEMA
from orchestration.settings import Settings
from orchestration.steps import home as homes
from orchestration.steps.backup import back_up, restore
from orchestration.steps.home import CURRENT, FILE, MIGRATIONS, HomeNotUsable, open_home
from orchestration.steps.record.notifying import addresses
from orchestration.steps.record.records import now, open_records, verify_ledger
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.proposal import current_pointer, released
from orchestration.steps.secret_files import NAMES
from orchestration.steps.watching.status import status_of
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import Governed

LINES = b'{"resourceType": "Patient", "id": "1"}\n'


def version_of(settings: Settings) -> int:
    return int(json.loads((settings.home / FILE).read_bytes())["version"])


@pytest.fixture
def earlier(city: Governed) -> Governed:
    """A home as it was before there were versions: a release, a ledger, and an export that was interrupted."""
    files = city.settings.home / "exports" / "city" / "files"
    files.mkdir(parents=True)
    (files / "Patient-00001.ndjson").write_bytes(LINES)
    (files / "Patient-00002.part").write_bytes(LINES[:10])
    vault = Vault.of(city.settings.home)
    vault.wait(LINES, files / "Patient-00000.ndjson")
    vault.keep(BytesIO(LINES))
    for folder in (vault.folder, vault.keyring.objects):
        (folder / VAULT_SCHEMA).unlink()
    for signature in (city.settings.home / "releases").glob("*/model.sig"):
        signature.unlink()
    assert not (city.settings.home / FILE).exists()
    return city


def waiting(settings: Settings) -> dict[str, bytes]:
    files = settings.home / "exports" / "city" / "files"
    vault = Vault.of(settings.home)
    return {path.name: vault.receive(path).read() for path in files.iterdir()}


def test_a_new_home_gets_this_version_once(settings: Settings) -> None:
    assert (open_home(settings), version_of(settings)) == (0, CURRENT)
    before = (settings.home / FILE).stat().st_mtime_ns
    assert (open_home(settings), (settings.home / FILE).stat().st_mtime_ns) == (CURRENT, before)


def test_a_home_of_an_earlier_version_opens_and_goes_on(earlier: Governed) -> None:
    settings = earlier.settings
    assert (open_home(settings), version_of(settings)) == (0, CURRENT)
    assert waiting(settings) == {"Patient-00000.ndjson": LINES, "Patient-00001.ndjson": LINES}
    plain = settings.home / "exports" / "city" / "files" / "Patient-00001.ndjson"
    assert LINES not in plain.read_bytes()
    open_records.cache_clear()
    assert verify_ledger(settings).exit_code == 0
    assert all((settings.home / folder / VAULT_SCHEMA).exists() for folder in ("raw", "keys/objects"))
    assert RawObject(Vault.of(settings.home), hashlib.sha256(LINES).hexdigest()).read_bytes() == LINES
    assert [one["stage"] for one in status_of(settings, "city").document["releases"] if one["release"]] == ["assistive"]
    release = released(settings, current_pointer(settings, "triage", "city"))
    assert release is not None
    require_signed_model(settings.home, release)
    earlier.release()


def test_secrets_of_an_earlier_home_are_moved_to_where_no_backup_looks(city: Governed, tmp_path: Path) -> None:
    settings = city.settings
    (settings.home / FILE).write_text(json.dumps({"schema": "pilothouse.home/1", "version": 2}))
    told = settings.home / "notify.yaml"
    told.write_text("schema: pilothouse.notify/1\neverybody: ['json://user:secretword@127.0.0.1/']\n")
    told.chmod(0o600)
    with sqlite3.connect(settings.home / "mlflow_users.db") as users:
        users.execute("create table users (name text, hash text)")
    users.close()
    assert open_home(settings) == 2
    assert sorted(path.name for path in settings.home.glob("*") if path.name in NAMES) == []
    assert addresses(settings).of("city") == ("json://user:secretword@127.0.0.1/",)
    shutil.copy(settings.keys / "notify.yaml", settings.home)  # somebody reads an old page, and puts one back
    home, keys = tmp_path / "home.backup", tmp_path / "keys.backup"
    back_up(settings, home, keys, now(), lambda _: None)
    with tarfile.open(home) as kept, tarfile.open(keys) as secret:
        held = [{Path(one).name for one in archive.getnames()} & NAMES for archive in (kept, secret)]
    assert held == [set(), {"notify.yaml", "mlflow_users.db"}]


def test_a_migration_that_was_interrupted_is_done_again(earlier: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_stream = Vault.wait_stream

    def cut_off(vault: Vault, chunks: object, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Vault, "wait_stream", cut_off)
    with pytest.raises(KeyboardInterrupt):
        open_home(earlier.settings)
    assert not (earlier.settings.home / FILE).exists()
    monkeypatch.setattr(Vault, "wait_stream", wait_stream)
    open_home(earlier.settings)
    assert waiting(earlier.settings)["Patient-00001.ndjson"] == LINES


def test_versions_are_raised_one_by_one_and_each_is_written_down(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_home(settings)
    done: list[tuple[str, int]] = []
    later = {
        CURRENT: lambda one: done.append(("first", version_of(one))),
        CURRENT + 1: lambda one: done.append(("second", version_of(one))),
    }
    monkeypatch.setattr(homes, "MIGRATIONS", {**MIGRATIONS, **later})
    monkeypatch.setattr(homes, "CURRENT", CURRENT + 2)
    assert open_home(settings) == CURRENT
    assert done == [("first", CURRENT), ("second", CURRENT + 1)] and version_of(settings) == CURRENT + 2


def test_every_version_before_this_one_has_a_way_forward() -> None:
    assert sorted(MIGRATIONS) == list(range(CURRENT))


def written_by_a_later(settings: Settings) -> None:
    document = {"schema": "pilothouse.home/1", "version": CURRENT + 1, "written_by": "9.9.9"}
    (settings.home / FILE).write_text(json.dumps(document))


def test_a_home_of_a_later_version_is_refused_and_left_alone_but_can_be_stopped(city: Governed) -> None:
    written_by_a_later(city.settings)
    with pytest.raises(HomeNotUsable, match=rf"version {CURRENT + 1}, written by Pilothouse 9\.9\.9; .* Use the later"):
        open_home(city.settings)
    assert version_of(city.settings) == CURRENT + 1
    roll_back(city.settings, "triage", "city", "off", "harm was seen")
    assert city.served == "off"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "[" * 100_000, '{"version": "1"}', '{"version": 0}', '{"version": true}', "{}", b"\xff"],
    ids=["empty", "cut", "list", "deep", "text", "nought", "true", "nothing", "bytes"],
)
def test_a_version_that_cannot_be_read_is_never_guessed(settings: Settings, content: str | bytes) -> None:
    written = content.encode() if isinstance(content, str) else content
    (settings.home / FILE).write_bytes(written)
    with pytest.raises(HomeNotUsable, match=r"home\.json in PILOTHOUSE_HOME .* restore that file"):
        open_home(settings)
    assert (settings.home / FILE).read_bytes() == written


COMMANDS = ("status", "ledger verify", "key new --as ada --role nursing_lead --key K", "quarantine list --site city")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_opens_a_home_asks_for_its_version(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    written_by_a_later(settings)
    monkeypatch.setattr(os, "environ", {**os.environ, "PILOTHOUSE_HOME": str(settings.home)})
    answer = CliRunner().invoke(main, [*command.split(), "--json"])
    assert answer.exit_code == 1 and json.loads(answer.stdout)["kind"] == "HomeNotUsable"


def test_a_backup_of_an_earlier_home_is_restored_into_this_version(earlier: Governed, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    out.mkdir()
    home, keys = out / "home.tar", out / "keys.tar"
    back_up(earlier.settings, home, keys, now(), lambda _: None)
    open_records.cache_clear()
    settings = settings_of(tmp_path / "again")
    assert restore(settings, home, keys, None, lambda _: None).exit_code == 0
    assert version_of(settings) == CURRENT and waiting(settings)["Patient-00001.ndjson"] == LINES


def test_a_backup_of_a_later_home_is_refused_and_leaves_nothing(city: Governed, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    out.mkdir()
    home, keys = out / "home.tar", out / "keys.tar"
    written_by_a_later(city.settings)
    back_up(city.settings, home, keys, now(), lambda _: None)
    open_records.cache_clear()
    with pytest.raises(HomeNotUsable):
        restore(settings_of(tmp_path / "again"), home, keys, None, lambda _: None)
    assert not (tmp_path / "again").exists()
    shutil.rmtree(out)
