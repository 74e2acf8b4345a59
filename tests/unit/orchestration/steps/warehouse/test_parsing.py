"""One parse of the project for every home: the same whatever the paths, another for anything else."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from orchestration.settings import Settings
from orchestration.steps.warehouse import parse_share, parsing
from orchestration.steps.warehouse.dbt_process import PARSED, read_parse
from orchestration.steps.warehouse.parse_share import Parse
from orchestration.steps.warehouse.parsing import TablesError, parse_key, parse_project, parsed_with, run_parse
from orchestration.steps.warehouse.tables import DBT_PROJECT, dbt_variables, prepare_manifest

OF_ITS_MAKING = ("created_at",)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """dbt's parses, which write what they were told."""
    asked: list[str] = []

    def parse(project: Path, variables: str) -> Parse:
        asked.append(variables)
        return {"manifest.json": variables.encode(), PARSED: variables.encode()}

    monkeypatch.setattr(parsing, "run_parse", parse)
    return asked


def prepare(settings: Settings, project: Path, **others: object) -> Path:
    return parse_project(settings, project, lambda: told(settings, **others))


def told(settings: Settings, **others: object) -> str:
    return json.dumps({"lake": str(settings.lake), "vocabulary": "", "site_codes": "", "inputs": "a", **others})


def at(settings: Settings, home: Path) -> Settings:
    return replace(settings, home=home)


def test_a_second_home_takes_what_the_first_had_parsed(
    settings: Settings, tmp_path: Path, project: Path, parses: list[str]
) -> None:
    prepare(settings, project)
    other = at(settings, tmp_path / "other")
    manifest = prepare(other, project)
    assert len(parses) == 1 and manifest.read_text() == parses[0]
    assert (other.dbt_target / PARSED).read_text() == parses[0]
    assert (other.dbt_target / "parsed_with.json").read_text() == told(other)


@pytest.mark.parametrize(
    "others", [{"inputs": "b"}, {"vocabulary": "/mounted"}, {"site_codes": "/codes.csv"}, {"units": {"city": {}}}]
)
def test_another_project_another_site_or_a_vocabulary_where_there_was_none_is_parsed_anew(
    settings: Settings, project: Path, parses: list[str], others: dict[str, object]
) -> None:
    prepare(settings, project)
    prepare(settings, project, **others)
    assert len(parses) == 2


def test_a_key_of_dates_in_the_home_is_a_path_like_any_other_and_one_elsewhere_is_not(
    settings: Settings, tmp_path: Path, project: Path
) -> None:
    other = at(settings, tmp_path / "other")
    keys = {one.home: {"city": {"key": str(one.home / "keys" / "city")}} for one in (settings, other)}
    mine, its = (told(one, deidentified=keys[one.home]) for one in (settings, other))
    assert parse_key(settings, project, mine) == parse_key(other, project, its)
    assert parse_key(settings, project, mine) != parse_key(settings, project, its)


def test_a_home_that_lost_its_parse_takes_the_shared_one(settings: Settings, project: Path, parses: list[str]) -> None:
    prepare(settings, project)
    (settings.dbt_target / PARSED).unlink()
    prepare(settings, project)
    assert len(parses) == 1 and (settings.dbt_target / PARSED).exists()


@pytest.mark.parametrize("name", ["manifest.json", PARSED, "sha256.json"])
@pytest.mark.parametrize("left", [None, b"", b"{"])
def test_a_share_of_which_half_is_there_is_parsed_anew_and_mended(
    settings: Settings, tmp_path: Path, project: Path, parses: list[str], name: str, left: bytes | None
) -> None:
    prepare(settings, project)
    [half] = project.glob(f"target/parsed/*/{name}")
    half.unlink() if left is None else half.write_bytes(left)
    for home in ("second", "third"):
        prepare(at(settings, tmp_path / home), project)
        assert len(parses) == 2 and (tmp_path / home / "dbt" / PARSED).read_bytes() == parses[1].encode()
    assert [path.name for path in half.parent.parent.iterdir()] == [half.parent.name], "no draft stays"


def test_a_parse_during_which_the_project_changed_is_not_kept(
    settings: Settings, tmp_path: Path, project: Path, parses: list[str]
) -> None:
    seen = iter(("a", "b", "b", "b"))
    manifest = parse_project(settings, project, lambda: told(settings, inputs=next(seen)))
    assert len(parses) == 2 and manifest.read_text() == parsed_with(settings) == told(settings, inputs="b")
    prepare(at(settings, tmp_path / "other"), project, inputs="a")
    assert len(parses) == 3, "what was parsed while it changed is of neither project"


def test_a_project_that_never_rests_is_told_of(settings: Settings, project: Path, parses: list[str]) -> None:
    seen = count()
    with pytest.raises(TablesError, match="changed each of 3 times"):
        parse_project(settings, project, lambda: told(settings, inputs=next(seen)))
    assert len(parses) == 3 and not (settings.dbt_target / "manifest.json").exists()


def test_homes_that_parse_at_once_parse_once(
    settings: Settings, tmp_path: Path, project: Path, parses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = parsing.run_parse

    def slow(project: Path, variables: str) -> Parse:
        sleep(0.1)
        return fast(project, variables)

    monkeypatch.setattr(parsing, "run_parse", slow)
    homes = [at(settings, tmp_path / name) for name in ("one", "two")] * 2
    with ThreadPoolExecutor() as threads:
        manifests = list(threads.map(prepare, homes, [project] * len(homes)))
    assert len(parses) == 1 and {path.read_text() for path in manifests} == {parses[0]}


def test_a_project_that_cannot_be_written_beside_is_parsed_in_every_home(
    settings: Settings, tmp_path: Path, project: Path, parses: list[str]
) -> None:
    (project / "target").write_text("a file where the folder would be")
    other = at(settings, tmp_path / "other")
    for one in (settings, other):
        assert prepare(one, project).exists()
    assert len(parses) == 2


def test_only_the_parses_of_late_are_kept(
    settings: Settings, project: Path, parses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse_share, "KEPT", 2)
    for inputs in "abcd":
        prepare(settings, project, inputs=inputs)
    assert len(parses) == 4 and len(list((project / "target" / "parsed").iterdir())) == 2


def test_a_project_that_dbt_cannot_parse_is_neither_remembered_nor_shared(settings: Settings, project: Path) -> None:
    with pytest.raises(TablesError, match="dbt cannot parse"):
        prepare(settings, project)
    assert not (settings.dbt_target / "parsed_with.json").exists() and not (project / "target" / "parsed").exists()


def test_what_dbt_understands_is_the_same_under_other_paths(settings: Settings, tmp_path: Path) -> None:
    """Real dbt: the claim on which one parse serves every home. What is shared was parsed for another home, or now."""
    other = at(settings, tmp_path / "quite" / "another")
    prepare_manifest(settings)
    other.dbt_target.mkdir(parents=True)
    for name, content in run_parse(DBT_PROJECT, dbt_variables(other)).items():
        (other.dbt_target / name).write_bytes(content)
    read: list[dict[str, Any]] = []
    for one in (settings, other):
        assert read_parse(one.dbt_target / PARSED) is not None
        read.append(_content(json.loads((one.dbt_target / "manifest.json").read_bytes())))
    assert len(read[0]["nodes"]) > 300 and read[0] == read[1]
    assert str(settings.home) not in (settings.dbt_target / "manifest.json").read_text()


@pytest.mark.parametrize("content", [None, b"", b"\x93not a manifest", b"\x81\xa5nodes\x01"])
def test_without_a_parse_that_can_be_read_dbt_parses_itself(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / PARSED).write_bytes(content)
    assert read_parse(tmp_path / PARSED) is None


def _content(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _content(value) for key, value in found.items() if key not in ("metadata", *OF_ITS_MAKING)}
    return [_content(one) for one in found] if isinstance(found, list) else found
