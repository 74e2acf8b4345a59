"""A backup is worth what its restore gives: the same home whose ledger verifies, or a refusal that leaves nothing."""

import io
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.ledger import LedgerError, generate_private_key, public_hex
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.backup import BackupBroken, BackupRefused, back_up, restore
from orchestration.steps.home import open_home
from orchestration.steps.record.records import now, open_records, verify_ledger
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.warehouse.tables import REBUILD
from orchestration.steps.watching.status import status_of
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import Governed

OTHERWISE = ("ledger.db", "ledger.checkpoint", "events.db", "mlflow.db", "locks/", ".", REBUILD, "home.json")
"""What a restore makes anew, or gives back with the same content in other bytes."""


def quiet(_: str) -> None:
    """No progress line."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def backed_up(settings: Settings, out: Path) -> Answer:
    return back_up(settings, out / "home.tar", out / "keys.tar", now(), quiet)


def restored(out: Path, home: Path, key: str | None = None, **changes: str) -> tuple[Settings, Answer]:
    settings = replace(settings_of(home), **changes)
    open_records.cache_clear()
    return settings, restore(settings, out / "home.tar", out / "keys.tar", key, quiet)


def contents(home: Path) -> dict[str, bytes]:
    files = {path.relative_to(home).as_posix(): path for path in home.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(OTHERWISE)}


def hashes(settings: Settings) -> list[str]:
    return [entry.hash for entry in open_records(settings).entries()]


def test_a_restored_home_has_the_same_files_the_same_ledger_and_goes_on(
    city: Governed, out: Path, tmp_path: Path
) -> None:
    open_home(city.settings)  # as every command does
    told, files, chain = backed_up(city.settings, out).document, contents(city.settings.home), hashes(city.settings)
    settings, answer = restored(out, tmp_path / "again", told["public_key"])
    assert (answer.exit_code, answer.document["ledger"]["entries"]) == (0, told["entries"])
    assert contents(settings.home) == files and (settings.home / REBUILD).exists()
    assert hashes(settings) == chain
    assert [one["stage"] for one in status_of(settings, "city").document["releases"] if one["release"]] == ["assistive"]
    roll_back(settings, "triage", "city", "off", "to see that it goes on", city.signs("ada"))
    assert verify_ledger(settings).exit_code == 0 and len(hashes(settings)) == len(chain) + 1


def test_what_a_killed_build_spilled_is_not_kept(city: Governed, out: Path) -> None:
    city.settings.spills.mkdir()
    (city.settings.spills / "duckdb_temp_1_0_storage_DEFAULT-0.tmp").write_bytes(b"rows")
    backed_up(city.settings, out)
    with tarfile.open(out / "home.tar") as home:
        assert not any("duckdb_temp" in name for name in home.getnames())


def test_the_keys_lie_in_a_file_of_their_own_and_only_the_owner_reads_either(city: Governed, out: Path) -> None:
    backed_up(city.settings, out)
    with tarfile.open(out / "home.tar") as home, tarfile.open(out / "keys.tar") as keys:
        assert not any(name.startswith("keys/") for name in home.getnames())
        assert "keys/ledger.key.pem" in keys.getnames()
    assert {path.name: path.stat().st_mode & 0o777 for path in out.iterdir()} == {"home.tar": 0o600, "keys.tar": 0o600}


def test_without_the_keys_it_is_said_that_nothing_can_be_read(city: Governed, out: Path) -> None:
    (warning,) = back_up(city.settings, out / "home.tar", None, now(), quiet).document["warnings"]
    assert "The keys are not in it" in warning


def test_a_database_is_copied_as_of_one_moment_while_it_is_written(city: Governed, out: Path, tmp_path: Path) -> None:
    path = city.settings.home / "dagster" / "runs.db"
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.execute("pragma journal_mode=wal")
        writer.execute("create table run (n integer)")
        writer.execute("insert into run values (1)")
        writer.execute("begin")
        writer.execute("insert into run values (2)")
        backed_up(city.settings, out)
        writer.execute("commit")
    settings, _ = restored(out, tmp_path / "again")
    with sqlite3.connect(settings.home / "dagster" / "runs.db") as copy:
        assert copy.execute("select n from run").fetchall() == [(1,)]


def test_what_lies_in_databases_elsewhere_is_named(city: Governed, out: Path) -> None:
    settings = replace(city.settings, mlflow_uri="postgresql://somewhere/mlflow")
    (warning,) = backed_up(settings, out).document["warnings"]
    assert "MLFLOW_TRACKING_URI" in warning and "somewhere" not in warning


def test_where_no_home_is_none_is_made(settings: Settings, out: Path) -> None:
    with pytest.raises(BackupRefused, match="nothing to back up"):
        backed_up(settings, out)
    assert not any(settings.home.iterdir()) and not any(out.iterdir())


def test_a_home_in_which_something_only_landed_is_backed_up(settings: Settings, out: Path, tmp_path: Path) -> None:
    receipt = settings.home / "receipts" / "city" / "census" / "one.json"
    receipt.parent.mkdir(parents=True)
    receipt.write_text("{}")
    assert backed_up(settings, out).document["entries"] == 0
    back, _ = restored(out, tmp_path / "again")
    assert (back.home / receipt.relative_to(settings.home)).read_text() == "{}"


def test_a_damaged_ledger_is_not_backed_up(city: Governed, out: Path) -> None:
    (city.settings.home / "ledger.checkpoint").write_text("{}")
    with pytest.raises(LedgerError, match="Nothing is backed up"):
        backed_up(city.settings, out)
    assert not any(out.iterdir())


def test_a_place_that_is_taken_or_inside_the_home_or_nowhere_is_refused(city: Governed, out: Path) -> None:
    backed_up(city.settings, out)
    for file in (out / "home.tar", city.settings.home / "copy.tar", out / "none" / "home.tar"):
        with pytest.raises(BackupRefused):
            back_up(city.settings, file, None, now(), quiet)
    assert sorted(path.name for path in out.iterdir()) == ["home.tar", "keys.tar"]


def rewritten(path: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> None:
    """Write an archive anew after its members were changed."""
    with tarfile.open(path) as tar:
        members = [(one, stream.read() if (stream := tar.extractfile(one)) else b"") for one in tar.getmembers()]
    change(members)
    with tarfile.open(path, "w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def a_changed_byte(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    number = next(n for n, (one, content) in enumerate(members) if one.name.startswith("releases/") and content)
    members[number] = (members[number][0], bytes([members[number][1][0] ^ 1]) + members[number][1][1:])


def a_missing_file(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    del members[0]


def a_file_too_many(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members.insert(0, (tarfile.TarInfo("releases/new"), b"x"))


def a_way_out(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members.insert(0, (tarfile.TarInfo("../outside"), b"x"))


def a_link(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    member = tarfile.TarInfo("link")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc"
    members.insert(0, (member, b""))


def no_manifest(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members.pop()


def another_manifest(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[-1] = (members[-1][0], members[-1][1].replace(b'"made_at":"2', b'"made_at":"1'))


def something_after_the_manifest(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members.append((tarfile.TarInfo("late"), b"x"))


CHANGES = (
    a_changed_byte,
    a_missing_file,
    a_file_too_many,
    a_way_out,
    a_link,
    no_manifest,
    another_manifest,
    something_after_the_manifest,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_an_archive_that_is_not_as_it_was_written_leaves_no_home(
    city: Governed, out: Path, tmp_path: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]
) -> None:
    backed_up(city.settings, out)
    rewritten(out / "home.tar", change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BackupBroken, match=r"home\.tar"):
        restored(out, tmp_path / "again")
    assert sorted(tmp_path.iterdir()) == before


def test_a_cut_off_archive_or_another_file_is_no_backup(city: Governed, out: Path, tmp_path: Path) -> None:
    backed_up(city.settings, out)
    whole = (out / "home.tar").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not a tar" * 200):
        (out / "home.tar").write_bytes(content)
        with pytest.raises(BackupBroken):
            restored(out, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_another_key_than_the_boards_and_keys_of_another_backup_are_refused(
    city: Governed, out: Path, tmp_path: Path
) -> None:
    backed_up(city.settings, out)
    with pytest.raises(BackupBroken, match="not signed by the ledger's key that was given"):
        restored(out, tmp_path / "again", public_hex(generate_private_key()))
    (out / "home.tar").unlink()
    open_records.cache_clear()
    city.release()
    back_up(city.settings, out / "home.tar", out / "later.tar", now(), quiet)
    with pytest.raises(BackupBroken, match="not of one backup"):
        restored(out, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_home_that_is_not_empty_is_never_overwritten(city: Governed, out: Path) -> None:
    backed_up(city.settings, out)
    with pytest.raises(BackupRefused, match="never overwrites"):
        restored(out, city.settings.home)
    assert city.served == "assistive"


def test_what_was_erased_since_is_said_to_be_back(city: Governed, out: Path, tmp_path: Path) -> None:
    backed_up(city.settings, out)
    _, answer = restored(out, tmp_path / "again")
    assert any("repeat every erasure since" in warning for warning in answer.document["warnings"])
