"""A home that is a link, a mount or a volume of its own; disks that are full; releases in the middle of a backup."""

import os
import resource
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.ledger import Ledger, LedgerError, LedgerStoreError
from orchestration.settings import Settings
from orchestration.steps.backup import BackupBroken, BackupRefused, back_up, restore
from orchestration.steps.backup import restoring as restoring_room
from orchestration.steps.home import open_home
from orchestration.steps.record.records import now, open_records, verify_ledger
from orchestration.steps.releases.going_down import roll_back
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import Governed
from tests.unit.orchestration.steps.test_backup import backed_up, contents, quiet, restored, rewritten

LARGEST_FILE = 20_000
STAGING = ".restoring"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_release_in_the_middle_waits_so_that_ledger_and_pointer_agree(
    city: Governed, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    export, stopped = Ledger.export, threading.Event()

    def stop() -> None:
        roll_back(city.settings, "triage", "city", "shadow", "in the middle", city.signs("ada"))
        stopped.set()

    stopping = threading.Thread(target=stop)

    def in_the_middle(ledger: Ledger, path: Path) -> Path:
        if step == "after":
            export(ledger, path)
        stopping.start()
        stopped.wait(0.3)
        return path if step == "after" else export(ledger, path)

    monkeypatch.setattr(Ledger, "export", in_the_middle)
    backed_up(city.settings, out)
    stopping.join()
    monkeypatch.undo()
    assert city.served == "shadow" and verify_ledger(city.settings).exit_code == 0
    settings, answer = restored(out, tmp_path / "again")
    assert (answer.exit_code, answer.document["ledger"]["problems"]) == (0, [])
    assert Governed(settings).served == "assistive"


def test_an_order_that_went_on_regardless_is_not_torn_apart(
    city: Governed, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, times = Ledger.export, iter([True])
    monkeypatch.setattr("orchestration.steps.releases.going_down.LOCK_SECONDS", 0.0)

    def in_the_middle(ledger: Ledger, path: Path) -> Path:
        if next(times, False):
            roll_back(city.settings, "triage", "city", "off", "at once", city.signs("ada"))
        return export(ledger, path)

    monkeypatch.setattr(Ledger, "export", in_the_middle)
    backed_up(city.settings, out)
    settings, answer = restored(out, tmp_path / "again")
    assert (answer.exit_code, Governed(settings).served) == (0, "off")


def test_everything_under_pointers_is_copied(city: Governed, out: Path, tmp_path: Path) -> None:
    for name in (".lock", "triage/city.lock", "triage/city.withdrawn-20260101T000000Z"):
        (city.settings.home / "pointers" / name).write_text("kept")
    backed_up(city.settings, out)
    settings, _ = restored(out, tmp_path / "again")
    for name in (".lock", "triage/city.lock", "triage/city.withdrawn-20260101T000000Z"):
        assert (settings.home / "pointers" / name).read_text() == "kept"


def test_a_database_beside_the_home_whose_name_begins_alike_lies_outside(city: Governed, out: Path) -> None:
    settings = replace(city.settings, mlflow_uri=f"sqlite:///{city.settings.home}-other/mlflow.db")
    (warning,) = backed_up(settings, out).document["warnings"]
    assert "MLFLOW_TRACKING_URI lies outside" in warning


def test_a_home_that_is_a_link_is_backed_up_and_restored_through_it(city: Governed, out: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(city.settings.home)
    open_home(settings_of(tmp_path / "link"))
    files = contents(city.settings.home)
    open_records.cache_clear()
    backed_up(settings_of(tmp_path / "link"), out)
    with pytest.raises(BackupRefused, match="inside the home"):
        back_up(settings_of(tmp_path / "link"), city.settings.home / "copy.tar", None, now(), quiet)
    (tmp_path / "volume").mkdir()
    (tmp_path / "again").symlink_to(tmp_path / "volume")
    settings, answer = restored(out, tmp_path / "again")
    assert answer.exit_code == 0 and (tmp_path / "again").is_symlink()
    assert contents(settings.home) == contents(tmp_path / "volume") == files


@pytest.mark.parametrize("name", ["raw", "lake/one.parquet"])
def test_a_link_within_the_home_is_refused_since_what_it_leads_to_would_be_left_out(
    city: Governed, out: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "other-disk").mkdir()
    place = city.settings.home / name
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "other-disk")
    with pytest.raises(BackupRefused, match=f"{name} is a link"):
        backed_up(city.settings, out)
    assert not any(out.iterdir())


def test_a_volume_of_its_own_keeps_what_belongs_to_its_file_system(city: Governed, out: Path, tmp_path: Path) -> None:
    backed_up(city.settings, out)
    volume = tmp_path / "again"
    (volume / "lost+found").mkdir(parents=True)
    before = volume.stat().st_ino
    settings, answer = restored(out, volume)
    assert (answer.exit_code, volume.stat().st_ino) == (0, before)
    assert (volume / "lost+found").is_dir() and not (volume / STAGING).exists()
    (out / "home.tar").unlink()
    (out / "keys.tar").unlink()
    assert backed_up(settings, out).exit_code == 0


def test_what_an_interrupted_restore_left_is_cleared_and_begun_anew(city: Governed, out: Path, tmp_path: Path) -> None:
    backed_up(city.settings, out)
    (tmp_path / "again" / STAGING).mkdir(parents=True)
    (tmp_path / "again" / STAGING / "half").write_text("a file")
    settings, answer = restored(out, tmp_path / "again")
    assert answer.exit_code == 0 and not (settings.home / STAGING).exists() and not (settings.home / "half").exists()


def test_a_restore_that_was_cut_off_while_it_moved_is_told_from_a_home(
    city: Governed, out: Path, tmp_path: Path
) -> None:
    backed_up(city.settings, out)
    (tmp_path / "again" / STAGING).mkdir(parents=True)
    (tmp_path / "again" / "candidates").mkdir()
    with pytest.raises(BackupRefused, match=r"cut off when it was nearly done: empty the folder"):
        restored(out, tmp_path / "again")
    assert (tmp_path / "again" / "candidates").is_dir()


def fail_at_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> int:
        raise LedgerStoreError("the database is full.")

    monkeypatch.setattr(restoring_room, "take_in_export", fail)


def fail_at_the_third_move(monkeypatch: pytest.MonkeyPatch) -> None:
    rename, moves = Path.rename, iter(range(2))

    def fail(path: Path, target: Path) -> Path:
        if path.parent.name == STAGING and next(moves, None) is None:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)


def interrupt_at_the_third_move(monkeypatch: pytest.MonkeyPatch) -> None:
    rename, moves = Path.rename, iter(range(2))

    def fail(path: Path, target: Path) -> Path:
        if path.parent.name == STAGING and next(moves, None) is None:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)


@pytest.mark.parametrize("there", [True, False], ids=["into an empty folder", "into none"])
@pytest.mark.parametrize("failing", [fail_at_the_ledger, fail_at_the_third_move, interrupt_at_the_third_move])
def test_whatever_fails_leaves_the_place_as_it_was(
    city: Governed,
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: Callable[[pytest.MonkeyPatch], None],
    there: bool,
) -> None:
    backed_up(city.settings, out)
    if there:
        (tmp_path / "again").mkdir()
    failing(monkeypatch)
    with pytest.raises((BackupRefused, LedgerError, KeyboardInterrupt), match=r"^$|full|Input/output error"):
        restored(out, tmp_path / "again")
    monkeypatch.undo()
    assert (tmp_path / "again").exists() is there and not (there and any((tmp_path / "again").iterdir()))
    assert restored(out, tmp_path / "again")[1].exit_code == 0


def said_with_small_files(work: Callable[[], object]) -> str:
    """What `work` raises in a child process that can write no file larger than `LARGEST_FILE`: a disk that is full."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
            work()
            told = "nothing"
        except BaseException as error:  # noqa: BLE001 - what it is goes through the pipe
            told = f"{type(error).__name__}: {error}"
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode()
    os.waitpid(child, 0)
    return told


def test_a_disk_that_is_full_is_no_broken_backup_and_says_what_to_do(city: Governed, out: Path, tmp_path: Path) -> None:
    (city.settings.home / "lake").mkdir(exist_ok=True)
    (city.settings.home / "lake" / "large.bin").write_bytes(os.urandom(2 * LARGEST_FILE))
    told = said_with_small_files(lambda: back_up(city.settings, out / "home.tar", None, now(), quiet))
    assert told.startswith("BackupRefused: home.tar cannot be written (File too large)") and "free space" in told
    assert not any(out.iterdir())
    backed_up(city.settings, out)
    told = said_with_small_files(
        lambda: restore(settings_of(tmp_path / "again"), out / "home.tar", out / "keys.tar", None, quiet)
    )
    assert told.startswith("BackupRefused: lake/large.bin cannot be written (File too large)") and "free space" in told
    assert not (tmp_path / "again").exists()


def test_a_file_that_cannot_be_read_is_named(
    city: Governed, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, opened = city.settings.home / "candidates.bin", Path.open
    bad.write_bytes(b"x")

    def fail(path: Path, *more: object, **extra: object) -> object:
        if path in (bad, out / "home.tar"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *more, **extra)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(BackupRefused, match=r"candidates\.bin cannot be read \(Permission denied\)"):
        backed_up(city.settings, out)
    assert not any(out.iterdir())
    bad.unlink()
    monkeypatch.undo()
    backed_up(city.settings, out)
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(BackupRefused, match=r"home\.tar cannot be read \(Permission denied\)"):
        restored(out, tmp_path / "again")


def test_a_folder_that_cannot_be_listed_is_not_left_out_in_silence(
    city: Governed, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def fail(path: object) -> object:
        if str(path).endswith("releases"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(BackupRefused, match=r"releases cannot be read \(Permission denied\)"):
        backed_up(city.settings, out)


def test_a_file_that_becomes_shorter_while_it_is_copied_is_named(
    city: Governed, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing, fstat = city.settings.home / "log.bin", os.fstat
    growing.write_bytes(b"x" * 2048)

    def longer(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        if found.st_size == 2048:
            growing.write_bytes(b"")
        return found

    monkeypatch.setattr("orchestration.steps.backup.archive.os.fstat", longer)
    with pytest.raises(BackupRefused, match=r"log\.bin became shorter while it was copied"):
        backed_up(city.settings, out)


def test_a_database_that_cannot_be_copied_is_named(city: Governed, out: Path) -> None:
    (city.settings.home / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"nothing" * 300)
    with pytest.raises(BackupRefused, match=r"mlflow\.db cannot be copied .*malformed|not a database"):
        backed_up(city.settings, out)
    assert not any(out.iterdir())


def test_where_the_keys_cannot_be_written_no_copy_without_them_stays(city: Governed, out: Path) -> None:
    (out / "keys.tar").write_text("another")
    with pytest.raises(BackupRefused, match=r"keys\.tar exists already"):
        backed_up(city.settings, out)
    assert [path.name for path in out.iterdir()] == ["keys.tar"]


def test_a_name_that_no_file_can_have_is_a_broken_backup(city: Governed, out: Path, tmp_path: Path) -> None:
    backed_up(city.settings, out)
    rewritten(out / "home.tar", lambda members: setattr(members[0][0], "name", "x" * 5000))
    with pytest.raises(BackupBroken):
        restored(out, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_ledger_elsewhere_is_taken_in_there(city: Governed, out: Path, tmp_path: Path) -> None:
    told = backed_up(city.settings, out).document
    url = f"sqlite:///{tmp_path / 'apart.db'}"
    settings, answer = restored(out, tmp_path / "again", ledger_url=url)
    assert (answer.exit_code, answer.document["ledger"]["entries"]) == (0, told["entries"])
    assert not (settings.home / "ledger.db").exists() and (tmp_path / "apart.db").exists()
    assert isinstance(settings, Settings)
