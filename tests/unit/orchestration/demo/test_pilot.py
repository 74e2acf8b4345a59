"""The pilot's days come with those of the site beside it where a roster needs them, and its fault is its own."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluation.policies import Stage
from orchestration.demo import pilot
from orchestration.demo.course import Course
from orchestration.demo.fault import FaultNotContained, Story
from orchestration.demo.run import DemoRun
from orchestration.settings import Environment, Settings


def demo_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *sites: str) -> DemoRun:
    urls = (f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "mlflow", "events"))
    run = DemoRun(Settings(tmp_path, Environment.DEVELOPMENT, *urls), Course(7, 90), sites, print)
    run._launcher = SimpleNamespace(watch=lambda *_: True)  # type: ignore[assignment]
    monkeypatch.setattr(DemoRun, "reached", lambda _, stage, use_case="triage", site="city": use_case == "triage")
    return run


@pytest.mark.parametrize(("sites", "with_cards"), [(("city",), ["city"]), (("city", "district"), ["city", "district"])])
def test_the_days_of_the_site_beside_come_when_cards_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sites: tuple[str, ...], with_cards: list[str]
) -> None:
    landed = list[tuple[date, list[str]]]()
    monkeypatch.setattr(pilot, "bring_in", lambda _, until, sites: landed.append((until, [*sites])))
    monkeypatch.setattr(pilot.Pilot, "_replay", lambda *_: None)
    run = demo_of(tmp_path, monkeypatch, *sites)
    playing = pilot.Pilot(run)
    assert playing.step_up(Stage.SHADOW, 90, 14) and playing.step_up(Stage.ASSISTIVE, 104, 3)
    assert landed == [(run.course.day(104), ["city"]), (run.course.day(107), with_cards)]


@pytest.mark.parametrize("is_felt", [False, True])
def test_the_fault_is_told_when_nothing_elsewhere_felt_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_felt: bool
) -> None:
    order = list[str]()

    @contextmanager
    def department(_: Settings) -> Generator[None]:
        yield

    def play(story: Story, *_: Any) -> None:
        order.append("played")
        story.told["others"] = {"roster at district": "plan published."}

    def require_unmoved(_: Settings, site: str, before: str, said: dict[str, str]) -> dict[str, str]:
        assert (site, before) == ("city", "before")
        if is_felt:
            raise FaultNotContained("roster at district moved")
        return {place: f"unmoved; {words}" for place, words in said.items()}

    monkeypatch.setattr(pilot, "department", department)
    monkeypatch.setattr(pilot, "look_elsewhere", lambda *_: order.append("looked") or "before")
    monkeypatch.setattr(pilot, "require_unmoved", require_unmoved)
    monkeypatch.setattr(Story, "play", play)
    monkeypatch.setattr(pilot.Pilot, "_requests", lambda *_: iter(()))
    playing = pilot.Pilot(demo_of(tmp_path, monkeypatch, "city", "district"))
    if is_felt:
        with pytest.raises(FaultNotContained, match="district moved"):
            playing.suffer()
        assert not (tmp_path / "state" / "fault.json").exists()
    else:
        told = playing.suffer()
        assert told == playing.suffer() == {"others": {"roster at district": "unmoved; plan published."}}
    assert order == ["looked", "played"]
