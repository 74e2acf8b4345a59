"""While the pilot is stepped down, plans are made, every other served site is asked, and nothing moves elsewhere."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluation.policies import Stage, Tier
from orchestration.demo import elsewhere, unmoved
from orchestration.demo.course import Course
from orchestration.demo.fault import FaultNotContained
from orchestration.demo.run import DemoRun
from orchestration.settings import Environment, Settings
from orchestration.simulator import LiveRequest
from orchestration.steps.record.incidents import open_incident
from orchestration.steps.record.records import open_records

DAY = date(2026, 4, 22)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    urls = (f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "mlflow", "events"))
    open_records.cache_clear()
    return Settings(tmp_path, Environment.DEVELOPMENT, *urls)


class Asked:
    """A department that remembers which sites asked; its model scores every second request, and one came before."""

    def __init__(self) -> None:
        self.sites = ["rural"]

    def ask(self, request: LiveRequest) -> list[dict[str, Any]]:
        self.sites.append(request.site)
        return []

    def scored(self, use_case: str, site: str) -> int:
        assert use_case == "triage"
        return (self.sites.count(site) + 1) // 2

    def stage_of(self, use_case: str, site: str) -> str:
        return f"shadow of {use_case}" if site == "rural" else "assistive"


@pytest.mark.parametrize("has_plan", [True, False])
def test_the_other_sites_are_asked_and_the_plans_of_the_day_are_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, has_plan: bool
) -> None:
    asked = Asked()
    served = {"triage": ["city", "district", "rural"], "staffing": ["city"] if has_plan else []}
    served["roster"] = ["district"] if has_plan else []
    tiers = {("staffing", "city"): "history", ("roster", "district"): "rule"}

    def planned(_: Settings, site: str, day: date, days: int, use_case: str) -> list[Any]:
        assert (day, days) == (DAY, 1)
        return [SimpleNamespace(plan=SimpleNamespace(tier=tiers[use_case, site], tier_reason="Upstream: not used."))]

    def live(site: str, day: date, **_: Any) -> Iterator[LiveRequest]:
        assert day == DAY
        while True:
            yield LiveRequest(site, "ED", datetime(2026, 4, 22, 9, tzinfo=UTC), "p", "v", {})

    monkeypatch.setattr(elsewhere, "served_sites", lambda _, use_case: served[use_case])
    monkeypatch.setattr(elsewhere, "plan_days", planned)
    monkeypatch.setattr(elsewhere, "live_requests", live)
    said = elsewhere.go_on_elsewhere(settings, asked, "triage", "city", DAY, date(2026, 1, 5), 7)  # type: ignore[arg-type]
    assert asked.sites[1:] == ["district"] * 12 + ["rural"] * 12
    scored = "12 of 12 requests answered, 6 of them scored by its model"
    assert said["triage at rural"] == f"in shadow of triage, {scored}"
    assert said["triage at district"] == f"in assistive, {scored}"
    for place, tier in (("staffing at city", "history"), ("roster at district", "rule")):
        told = f"plan published from its {tier}. Upstream: not used."
        assert said.get(place) == (told if has_plan else None)
    assert "triage at city" not in said


def test_elsewhere_is_asked_once_and_what_was_said_is_told_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    def release(run: DemoRun, stage: Stage, use_case: str = "triage", site: str = "city") -> bool:
        asked.append(f"{use_case} at {site} in {stage.value}")
        if site == "district":
            run.refuse(site, [f"{use_case}: too few events"])
        return site != "district"

    monkeypatch.setattr(DemoRun, "release", release)
    monkeypatch.setattr(elsewhere, "train", lambda _, site, use_case: asked.append(f"{use_case} at {site}") or True)
    told = {"rural": ["too few visits"], "district": ["triage: too few events", "roster: too few events"]}
    for is_first in (True, False):
        run = DemoRun(settings, Course(7, 90), ("city", "district", "rural"), print)
        assert [site for site in run.sites if elsewhere.was_asked(run, site)] == ([] if is_first else [*run.sites[1:]])
        if is_first:
            run.refuse("rural", ["too few visits"])
        elsewhere.release_elsewhere(run, ["district"])
        elsewhere.roster_beside(run)
        assert run.refused == told
    assert asked == ["triage at district in shadow", "roster at district", "roster at district in shadow"]


def test_a_demo_of_one_site_makes_no_roster_beside_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DemoRun, "release", lambda *_: pytest.fail("nothing is to be released"))
    monkeypatch.setattr(elsewhere, "train", lambda *_: pytest.fail("nothing is to be trained"))
    run = DemoRun(settings, Course(7, 90), ("city",), print)
    elsewhere.roster_beside(run)
    assert run.refused == {}


class Pointed:
    """The pointers of one use case, by site, as a test moves them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_site = {"city": ("assistive", 3), "district": ("shadow", 1)}
        self.tier = "model"
        sites = {"roster": self.by_site}
        monkeypatch.setattr(unmoved, "served_sites", lambda _, one: [*sites.get(one, ())])
        monkeypatch.setattr(unmoved, "current_pointer", self.read)
        monkeypatch.setattr(unmoved, "served_tier", lambda *_: Tier(self.tier))

    def read(self, _: Settings, use_case: str, site: str) -> Any:
        stage, generation = self.by_site[site]
        return SimpleNamespace(stage=Stage(stage), generation=generation)


def opened(settings: Settings, site: str) -> None:
    open_incident(settings, f"seen-{site}", use_case="roster", site=site, severity="high", what="Late.", detail={})


def test_what_did_not_move_elsewhere_is_told_with_what_it_did(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pointed = Pointed(monkeypatch)
    opened(settings, "district")
    before = unmoved.look_elsewhere(settings, "city")
    opened(settings, "city")
    pointed.by_site["city"] = ("shadow", 4)
    told = unmoved.require_unmoved(settings, "city", before, {"roster at district": "plan published."})
    stood = "in shadow throughout, unmoved (pointer generation 1, no step down, no incident)"
    assert told == {"roster at district": f"{stood}; plan published."}
    assert unmoved.require_unmoved(settings, "city", before, {}) == {"roster at district": stood}


@pytest.mark.parametrize("moved", ["stage", "generation", "tier", "gone", "incident"])
def test_a_fault_that_is_felt_elsewhere_stops_the_story(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    pointed = Pointed(monkeypatch)
    before = unmoved.look_elsewhere(settings, "city")
    if moved == "incident":
        opened(settings, "district")
    elif moved == "tier":
        pointed.tier = "rule"
    elif moved == "gone":
        del pointed.by_site["district"]
    else:
        pointed.by_site["district"] = ("assistive", 1) if moved == "stage" else ("shadow", 2)
    said = "elsewhere nothing moved and seen-district was" if moved == "incident" else "roster at district moved"
    with pytest.raises(FaultNotContained, match=said):
        unmoved.require_unmoved(settings, "city", before, {})
