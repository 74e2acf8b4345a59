"""What landed under other names of authorities lands again under those of now, as if it had from the first day."""

import json
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contracts import load_contracts
from orchestration.feeds import Receipt, land
from orchestration.feeds.closed import Closed
from orchestration.feeds.quarantine import held_files
from orchestration.feeds.relanding import CannotReland, reland, state_file
from orchestration.feeds.vault import Vault
from orchestration.settings import Environment, Settings
from orchestration.sites import Site, load_site
from orchestration.steps import relanding as steps
from orchestration.steps.tables import REBUILD
from tests.unit.orchestration.feeds.conftest import KEY, NOON
from tests.unit.orchestration.feeds.test_authorities import AUTHORITIES, ENCOUNTER, MESSAGE, PATIENT

Names = Mapping[str, Mapping[str, str]]
LINES = [json.dumps(PATIENT), json.dumps(ENCOUNTER), "{}", "not json"]
LATER = {**PATIENT, "birthDate": "1970-01-01", "meta": {"versionId": "2", "lastUpdated": "2026-03-02T00:00:00Z"}}
DROPS = (
    {"all.ndjson": "\n".join(LINES), "b.hl7": MESSAGE, "c.zip": "PK\x03\x04 no archive"},
    {"all.ndjson": "\n".join([json.dumps(LATER), LINES[0]]), "b.hl7": MESSAGE},
)


def land_all(home: Path, inbox: Path, names: Names) -> list[Receipt]:
    """Two drops: records, some of them bad, and an archive that is none; then a correction and a repeat."""
    made: list[Receipt] = []
    for n, files in enumerate(DROPS):
        folder = inbox / str(n)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content.encode())
        at = NOON + timedelta(days=n)
        made += land([folder], site="city", feed=None, home=home, key=KEY, arrived_at=at, authorities=names)
    return made


def again(home: Path, names: Names) -> list[Receipt]:
    _, made = reland(
        home,
        site="city",
        key=KEY,
        feeds=load_contracts(),
        zone="UTC",
        environment=Environment.DEVELOPMENT,
        authorities=names,
        mappings={},
        state={"aliases": names},
    )
    return made


def lake(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of a site by table and place, its keys included."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for folder in sorted([*home.glob("lake/*/site=city/*"), *home.glob("quarantine/*/site=city/*")]):
        found[str(folder.relative_to(home))] = duckdb.sql(f"select * from '{folder}/*.parquet' order by all").fetchall()
    return found


@pytest.fixture(scope="module")
def landed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two homes: one that landed without a map of names, one that always had it."""
    folder = tmp_path_factory.mktemp("relanding")
    for home, names in ((folder / "old", {}), (folder / "new", AUTHORITIES)):
        land_all(home, folder / "inbox", names)
    return folder


@pytest.fixture
def landed(landed_once: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the one that landed without, and the other to look at."""
    shutil.copytree(landed_once / "old", tmp_path / "old")
    return tmp_path / "old", landed_once / "new"


def test_what_landed_again_is_what_would_have_landed_under_the_new_names(landed: tuple[Path, Path]) -> None:
    old, new = landed
    assert lake(old) != lake(new)
    made = again(old, AUTHORITIES)
    assert lake(old) == lake(new)
    receipts = {path.name: path.read_text() for path in (new / "receipts").glob("*/*/*.json")}
    assert {path.name: path.read_text() for path in (old / "receipts").glob("*/*/*.json")} == receipts
    assert all(one.received == one.stored + one.duplicate + one.quarantined for one in made)
    assert sum(one.quarantined for one in made) == 3
    assert not (old / "relanding" / "city").exists()


def test_the_index_is_right_afterwards_so_that_what_comes_twice_is_known(landed: tuple[Path, Path]) -> None:
    old, _ = landed
    again(old, AUTHORITIES)
    (old / "more").mkdir()
    (old / "more" / "d.hl7").write_bytes(MESSAGE.encode() + b"\r")
    at = NOON + timedelta(days=3)
    [receipt] = land([old / "more"], site="city", feed=None, home=old, key=KEY, arrived_at=at, authorities=AUTHORITIES)
    assert (receipt.received, receipt.duplicate) == (1, 1)


@pytest.mark.parametrize("after", [0, 1, 4])
def test_killed_while_places_are_changed_it_is_finished_by_the_next(
    landed: tuple[Path, Path], after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = landed
    left = [after]
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "rename", killed)
        again(old, AUTHORITIES)
    assert (old / "relanding" / "city" / "ready.json").exists()
    again(old, AUTHORITIES)
    assert lake(old) == lake(new)


def test_people_who_were_erased_under_the_old_names_keep_it_from_happening(landed: tuple[Path, Path]) -> None:
    old, _ = landed
    before = lake(old)
    Closed.of(old, "city").folder.mkdir(parents=True)
    (Closed.of(old, "city").folder / "one.json").write_text('{"digests": ["ab"]}')
    with pytest.raises(CannotReland, match="People were erased at city"):
        again(old, AUTHORITIES)
    assert lake(old) == before


def test_bytes_that_are_gone_keep_it_from_happening(landed: tuple[Path, Path]) -> None:
    old, _ = landed
    [receipt] = (old / "receipts" / "city" / "hl7v2").glob("*.json")
    Vault.of(old).erase(receipt.stem)
    with pytest.raises(CannotReland, match="1 files of city were erased"):
        again(old, AUTHORITIES)


def settings_of(home: Path) -> Settings:
    urls = dict.fromkeys(("ledger_url", "mlflow_uri", "events_url"), "sqlite://")
    return Settings(home=home, environment=Environment.DEVELOPMENT, **urls)


def renamed(names: Mapping[str, Mapping[str, list[str]]]) -> Site:
    return Site.model_validate({**load_site("rural").model_dump(), "id": "city", "authorities": names})


def test_names_that_changed_after_something_landed_are_refused_with_what_changed(landed: tuple[Path, Path]) -> None:
    settings = settings_of(landed[0])
    for _ in range(2):
        steps.require_same_names(settings, renamed({"patient": {"urn:mrn": ["CITY"]}}))
    with pytest.raises(steps.AuthoritiesChanged) as refused:
        steps.require_same_names(settings, renamed({"patient": {"urn:mrn": ["PACS"]}}))
    said = str(refused.value)
    assert "patient 'CITY' was 'urn:mrn' and is 'CITY'; patient 'PACS' was 'PACS' and is 'urn:mrn'" in said
    assert "pilothouse reland --site city" in said


def test_names_may_change_before_anything_landed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    for other in ("CITY", "PACS"):
        steps.require_same_names(settings, renamed({"patient": {"urn:mrn": [other]}}))
    assert "PACS" in state_file(tmp_path, "city").read_text()


def test_the_command_lands_again_and_demands_new_tables(
    landed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(landed[0])
    changed = renamed({"patient": {"urn:mrn": ["CITY", "PACS"]}, "visit": {"urn:visit": ["CITY"]}})
    monkeypatch.setattr(steps, "load_site", lambda _: changed)
    held = sum(len(one.lines) for one in held_files(settings.home, ["city"]))
    document = steps.reland_site(settings, "city").document
    assert document["before"]["received"] == document["now"]["received"]
    assert document["now"]["quarantined"] == held
    steps.require_same_names(settings, changed)
    assert (settings.home / REBUILD).exists()
