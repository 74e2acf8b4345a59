"""What landed under other names of authorities lands again under those of now, as if it had from the first day."""

import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contracts import load_contracts
from orchestration.feeds import Receipt, land, message_verdicts, replay, run
from orchestration.feeds.authorities import known_zone, remember, require_names, state_file
from orchestration.feeds.closed import Closed
from orchestration.feeds.errors import AuthoritiesChanged, ZoneChanged
from orchestration.feeds.quarantine import held_files
from orchestration.feeds.relanding import TREES, CannotReland, reland
from orchestration.feeds.vault import Vault
from orchestration.settings import Environment, Settings
from orchestration.sites import Authorities, Site, load_site
from orchestration.steps.intake import relanding as steps
from orchestration.steps.intake.landing import SiteTerms
from orchestration.steps.intake.listening import inbox_of
from orchestration.steps.warehouse.tables import REBUILD
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


def test_nothing_of_before_goes_until_all_that_takes_its_place_survives_a_power_cut(
    landed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = landed
    fsync, rmtree, flushed, unflushed = os.fsync, shutil.rmtree, set[int](), list[str]()

    def noted(handle: int) -> None:
        fsync(handle)
        flushed.add(os.fstat(handle).st_ino)

    def removed(folder: Path, **how: bool) -> None:
        if folder == old / "relanding" / "city" and folder.exists():
            places = [path for tree in TREES for path in old.glob(f"{tree.format(site='city')}/**/*")]
            files = [path for path in places if path.is_file() and "index" not in path.parts]
            folders = {folder for path in files for folder in path.parents if folder.is_relative_to(old)}
            unflushed.extend(str(path) for path in {*files, *folders} if path.stat().st_ino not in flushed)
            assert len(files) > 6
        rmtree(folder, **how)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(shutil, "rmtree", removed)
    again(old, AUTHORITIES)
    assert unflushed == []


def test_two_may_say_the_names_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as many:
        list(many.map(lambda n: remember(tmp_path, "city", {"aliases": {"patient": {"A": f"{n}"}}}), range(64)))
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["authorities-city.json"]


def test_names_that_changed_while_a_process_ran_are_refused_inside_the_sites_lock(landed: tuple[Path, Path]) -> None:
    old, _ = landed
    again(old, AUTHORITIES)
    before = lake(old)
    same = {"site": "city", "home": old, "key": KEY, "arrived_at": NOON + timedelta(days=4)}
    (old / "late.hl7").write_bytes(MESSAGE.replace("|7^", "|8^").encode())
    with pytest.raises(AuthoritiesChanged, match="pilothouse reland --site city"):
        land([old / "late.hl7"], feed="hl7v2", authorities={}, **same)
    with pytest.raises(AuthoritiesChanged, match="patient 'CITY' was 'urn:mrn' and is 'CITY'"):
        replay(held_files(old, ["city"]), authorities={}, **same)
    assert lake(old) == before
    assert [one.stored for one in land([old / "late.hl7"], feed="hl7v2", authorities=AUTHORITIES, **same)] == [1]


def test_where_files_would_be_held_whole_now_everything_stays_as_it_was(
    landed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = landed
    before = lake(old)
    monkeypatch.setattr(run, "schema_drift", lambda outcome, _: "all" if outcome.receipt.stored > 1 else None)
    with pytest.raises(CannotReland, match="hold whole files of city") as refused:
        again(old, AUTHORITIES)
    assert "all.ndjson" in str(refused.value) and lake(old) == before
    monkeypatch.undo()
    (old / "late.hl7").write_bytes(MESSAGE.replace("|7^", "|8^").encode())
    same = {"site": "city", "feed": "hl7v2", "home": old, "key": KEY}
    [receipt] = land([old / "late.hl7"], arrived_at=NOON + timedelta(days=4), **same)
    assert receipt.stored == 1


def test_a_list_of_servers_is_no_name_under_which_records_lie(landed: tuple[Path, Path]) -> None:
    old, _ = landed
    again(old, AUTHORITIES)
    listed = {**AUTHORITIES, "server": {"https://ehr.example/fhir": "city"}}
    remember(old, "city", {"aliases": listed})
    for now in (AUTHORITIES, listed, {**AUTHORITIES, "server": {"https://old.example/R4": "city"}}):
        require_names(old, "city", now)
    with pytest.raises(AuthoritiesChanged, match="patient 'CITY'"):
        require_names(old, "city", {"server": listed["server"]})


def test_a_listener_that_runs_while_names_change_answers_with_it_and_lands_nothing(landed: tuple[Path, Path]) -> None:
    old, _ = landed
    told: list[str] = []
    terms = SiteTerms(
        site="city",
        home=old,
        key=KEY,
        feeds=("hl7v2",),
        zone="UTC",
        environment=Environment.DEVELOPMENT,
        authorities={},
        mappings={},
    )
    late = MESSAGE.replace("|7^", "|8^").encode()
    with message_verdicts("hl7v2", **terms) as verdicts:
        box = inbox_of(settings_of(old), terms, verdicts, told.append)
        assert [ack.code for ack in box.receive([late])] == ["AA"]
        box.land_waiting()
        again(old, AUTHORITIES)
        before = lake(old)
        [ack] = box.receive([late.replace(b"|1|P|", b"|2|P|")])
        assert ack.code == "AE" and "The message is kept and lands once the listener was started again" in ack.reason
        with pytest.raises(AuthoritiesChanged):
            box.land_waiting()
        assert lake(old) == before and "pilothouse reland --site city" in told[0]
        started = inbox_of(settings_of(old), {**terms, "authorities": AUTHORITIES}, verdicts, told.append)
        assert started.recover() == 1 and lake(old) != before


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
    return load_site("rural").model_copy(update={"id": "city", "authorities": Authorities.model_validate(names)})


def test_names_that_changed_after_something_landed_are_refused_with_what_changed(landed: tuple[Path, Path]) -> None:
    settings = settings_of(landed[0])
    for _ in range(2):
        steps.require_landed_alike(settings, renamed({"patient": {"urn:mrn": ["CITY"]}}))
    with pytest.raises(AuthoritiesChanged) as refused:
        steps.require_landed_alike(settings, renamed({"patient": {"urn:mrn": ["PACS"]}}))
    said = str(refused.value)
    assert "patient 'CITY' was 'urn:mrn' and is 'CITY'; patient 'PACS' was 'PACS' and is 'urn:mrn'" in said
    assert "pilothouse reland --site city" in said


def test_names_may_change_before_anything_landed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    for other in ("CITY", "PACS"):
        steps.require_landed_alike(settings, renamed({"patient": {"urn:mrn": [other]}}))
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
    steps.require_landed_alike(settings, changed)
    assert (settings.home / REBUILD).exists()


def test_a_time_zone_that_changed_after_something_landed_is_refused_until_all_of_it_landed_again(
    landed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = landed
    settings, dublin = settings_of(old), renamed({"patient": {"urn:mrn": ["CITY"]}})
    steps.require_landed_alike(settings, dublin)
    auckland = dublin.model_copy(update={"timezone": "Pacific/Auckland"})
    with pytest.raises(ZoneChanged, match="is Pacific/Auckland, and its records landed in Europe/Dublin") as refused:
        steps.require_landed_alike(settings, auckland)
    assert "pilothouse reland --site city" in str(refused.value)
    with pytest.raises(ZoneChanged):  # whoever read the site file before, and lands only now
        land([old], site="city", feed=None, home=old, key=KEY, arrived_at=NOON, zone="Pacific/Auckland",
             authorities=auckland.aliases)  # fmt: skip
    monkeypatch.setattr(steps, "load_site", lambda _: auckland)
    steps.reland_site(settings, "city")
    steps.require_landed_alike(settings, auckland)
    with pytest.raises(ZoneChanged):
        steps.require_landed_alike(settings, dublin)


def test_a_home_that_kept_no_time_zone_is_taken_to_have_landed_in_that_of_now(landed: tuple[Path, Path]) -> None:
    settings, place = settings_of(landed[0]), renamed({})
    remember(settings.home, "city", {"aliases": place.aliases})
    steps.require_landed_alike(settings, place)
    assert known_zone(settings.home, "city") == place.timezone
