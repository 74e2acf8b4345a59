"""One parse of the project for every home: the same whatever the paths, another for anything else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import Settings
from orchestration.steps.warehouse import parsing
from orchestration.steps.warehouse.dbt_process import PARSED, read_parse
from orchestration.steps.warehouse.parsing import TablesError, parse_key, parse_project, run_parse
from orchestration.steps.warehouse.tables import DBT_PROJECT, dbt_variables

OF_ITS_MAKING = ("created_at",)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """dbt's parses, which write what they were told."""
    asked: list[str] = []

    def parse(project: Path, variables: str, target: Path) -> None:
        asked.append(variables)
        target.mkdir(parents=True, exist_ok=True)
        (target / "manifest.json").write_text(variables)
        (target / PARSED).write_text(variables)

    monkeypatch.setattr(parsing, "run_parse", parse)
    return asked


def told(settings: Settings, **others: object) -> str:
    return json.dumps({"lake": str(settings.lake), "vocabulary": "", "site_codes": "", "inputs": "a", **others})


def at(settings: Settings, home: Path) -> Settings:
    return replace(settings, home=home)


def test_a_second_home_takes_what_the_first_had_parsed(
    settings: Settings, tmp_path: Path, project: Path, parses: list[str]
) -> None:
    parse_project(settings, project, told(settings))
    other = at(settings, tmp_path / "other")
    manifest = parse_project(other, project, told(other))
    assert len(parses) == 1 and manifest.read_text() == parses[0]
    assert (other.dbt_target / PARSED).read_text() == parses[0]
    assert (other.dbt_target / "parsed_with.json").read_text() == told(other)


@pytest.mark.parametrize(
    "others", [{"inputs": "b"}, {"vocabulary": "/mounted"}, {"site_codes": "/codes.csv"}, {"units": {"city": {}}}]
)
def test_another_project_another_site_or_a_vocabulary_where_there_was_none_is_parsed_anew(
    settings: Settings, project: Path, parses: list[str], others: dict[str, object]
) -> None:
    parse_project(settings, project, told(settings))
    parse_project(settings, project, told(settings, **others))
    assert len(parses) == 2


def test_a_key_of_dates_in_the_home_is_a_path_like_any_other_and_one_elsewhere_is_not(
    settings: Settings, tmp_path: Path, project: Path
) -> None:
    other = at(settings, tmp_path / "other")
    keys = {one.home: {"city": {"key": str(one.home / "keys" / "city")}} for one in (settings, other)}
    mine, its = (told(one, deidentified=keys[one.home]) for one in (settings, other))
    assert parse_key(settings, project, mine) == parse_key(other, project, its)
    assert parse_key(settings, project, mine) != parse_key(settings, project, its)


def test_a_home_that_lost_its_parse_and_a_share_that_is_half_there_are_mended(
    settings: Settings, project: Path, parses: list[str]
) -> None:
    parse_project(settings, project, told(settings))
    (settings.dbt_target / PARSED).unlink()
    parse_project(settings, project, told(settings))
    assert len(parses) == 1 and (settings.dbt_target / PARSED).exists()
    for path in project.glob(f"target/parsed/*/{PARSED}"):
        path.unlink()
    (settings.dbt_target / "manifest.json").unlink()
    parse_project(settings, project, told(settings))
    assert len(parses) == 2 and (settings.dbt_target / PARSED).exists()


def test_a_project_that_cannot_be_written_beside_is_parsed_in_every_home(
    settings: Settings, tmp_path: Path, project: Path, parses: list[str]
) -> None:
    (project / "target").write_text("a file where the folder would be")
    other = at(settings, tmp_path / "other")
    for one in (settings, other):
        assert parse_project(one, project, told(one)).exists()
    assert len(parses) == 2


def test_only_the_parses_of_late_are_kept(
    settings: Settings, project: Path, parses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "KEPT", 2)
    for inputs in "abcd":
        parse_project(settings, project, told(settings, inputs=inputs))
    assert len(parses) == 4 and len(list((project / "target" / "parsed").iterdir())) == 2


def test_a_project_that_dbt_cannot_parse_is_neither_remembered_nor_shared(settings: Settings, project: Path) -> None:
    with pytest.raises(TablesError, match="dbt cannot parse"):
        parse_project(settings, project, told(settings))
    assert not (settings.dbt_target / "parsed_with.json").exists() and not (project / "target" / "parsed").exists()


def test_what_dbt_understands_is_the_same_under_other_paths(settings: Settings, tmp_path: Path) -> None:
    """Real dbt: the claim on which one parse serves every home. What is shared was parsed for another home, or now."""
    other = at(settings, tmp_path / "quite" / "another")
    parse_project(settings, DBT_PROJECT, dbt_variables(settings))
    run_parse(DBT_PROJECT, dbt_variables(other), other.dbt_target)
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
