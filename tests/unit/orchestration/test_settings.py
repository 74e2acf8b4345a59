"""The settings: read once from the environment, with defaults under one home that can be moved."""

import os
from dataclasses import fields
from pathlib import Path

import pytest

from orchestration.settings import (
    PROJECT_ROOT,
    THIRD_PARTY_SWITCHES,
    Environment,
    Settings,
    SettingsError,
    apply_third_party_switches,
    load_settings,
)

OURS = ("PILOTHOUSE_HOME", "PILOTHOUSE_ENV", "PILOTHOUSE_LEDGER_URL", "PILOTHOUSE_EVENTS_URL", "MLFLOW_TRACKING_URI")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment of the test's own, without any setting."""
    bare = {name: value for name, value in os.environ.items() if name not in OURS}
    monkeypatch.setattr(os, "environ", bare)
    return bare


def test_the_defaults_lie_under_a_home_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.home == tmp_path / ".pilothouse" and settings.environment is Environment.DEVELOPMENT
    urls = (settings.ledger_url, settings.mlflow_uri, settings.events_url)
    assert urls == tuple(f"sqlite:///{settings.home}/{name}.db" for name in ("ledger", "mlflow", "events"))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_setting_is_no_setting(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment.update(dict.fromkeys(OURS, ""))
    assert load_settings().home == tmp_path / ".pilothouse"


def test_every_setting_can_be_given(environment: dict[str, str], tmp_path: Path) -> None:
    given = ("~/home", "production", "postgresql://l", "postgresql://e", "http://mlflow")
    environment.update(dict(zip(OURS, given, strict=True)), HOME=str(tmp_path))
    settings = load_settings()
    assert settings == Settings(
        tmp_path / "home", Environment.PRODUCTION, "postgresql://l", "http://mlflow", "postgresql://e"
    )


def test_every_path_is_under_the_home_and_moves_with_it(tmp_path: Path) -> None:
    def paths(home: Path) -> dict[str, Path]:
        names = [name for name, one in vars(Settings).items() if isinstance(one, property)]
        settings = Settings(home, Environment.DEVELOPMENT, "", "", "")
        return {name: getattr(settings, name).relative_to(home) for name in names}

    assert paths(tmp_path / "a") == paths(tmp_path / "b") and len(set(paths(tmp_path).values())) == len(paths(tmp_path))


@pytest.mark.parametrize("name", ["Production", "prod", "staging"])
def test_an_unknown_environment_is_refused_with_those_there_are(environment: dict[str, str], name: str) -> None:
    environment["PILOTHOUSE_ENV"] = name
    with pytest.raises(SettingsError, match=f"PILOTHOUSE_ENV is '{name}'.*development, validation, production"):
        load_settings()


def test_settings_cannot_be_changed_after_they_were_read() -> None:
    settings = load_settings()
    with pytest.raises(AttributeError):
        settings.home = Path("elsewhere")  # type: ignore[misc]
    assert {one.name for one in fields(settings)} == {"home", "environment", "ledger_url", "mlflow_uri", "events_url"}


def test_telemetry_is_off_and_child_processes_find_the_same_home(environment: dict[str, str], tmp_path: Path) -> None:
    environment["PILOTHOUSE_HOME"] = str(tmp_path / "home")
    environment["DAGSTER_DISABLE_TELEMETRY"] = "0"
    settings = load_settings()
    for _ in range(2):
        apply_third_party_switches(settings)
    assert {name: environment[name] for name in THIRD_PARTY_SWITCHES} == THIRD_PARTY_SWITCHES
    assert load_settings() == settings
    inside = ("DAGSTER_HOME", "DBT_TARGET_PATH", "DBT_LOG_PATH")
    assert all(Path(environment[name]).is_relative_to(settings.home) for name in inside)
    assert "enabled: false" in (settings.dagster_home / "dagster.yaml").read_text()


def test_a_dagster_configuration_that_somebody_wrote_is_kept(environment: dict[str, str], tmp_path: Path) -> None:
    environment["PILOTHOUSE_HOME"] = str(tmp_path)
    settings = load_settings()
    settings.dagster_home.mkdir()
    (settings.dagster_home / "dagster.yaml").write_text("run_storage: mine\n")
    apply_third_party_switches(settings)
    assert (settings.dagster_home / "dagster.yaml").read_text() == "run_storage: mine\n"


def test_a_home_of_a_user_that_there_is_not_is_a_sentence(environment: dict[str, str]) -> None:
    environment["PILOTHOUSE_HOME"] = "~nobody-of-this-name/home"
    with pytest.raises(SettingsError, match="cannot be found"):
        load_settings()


def test_a_home_that_cannot_be_made_is_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environment["PILOTHOUSE_HOME"] = str(tmp_path / "file" / "home")
    with pytest.raises(SettingsError, match=r"cannot be made or written there \(Not a directory\)"):
        apply_third_party_switches(load_settings())


def test_the_project_is_where_its_declaration_is() -> None:
    assert (PROJECT_ROOT / "pyproject.toml").is_file()
