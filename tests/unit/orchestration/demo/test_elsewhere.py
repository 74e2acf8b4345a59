"""While the pilot is stepped down, the plan that builds on it is made, and every other site that is served is asked."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluation.policies import Stage
from orchestration.demo import elsewhere
from orchestration.demo.course import Course
from orchestration.demo.run import DemoRun
from orchestration.settings import Environment, Settings
from orchestration.simulator import LiveRequest

DAY = date(2026, 4, 22)


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
def test_the_other_sites_are_asked_and_the_pilots_plan_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_plan: bool
) -> None:
    urls = (f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "mlflow", "events"))
    settings, asked = Settings(tmp_path, Environment.DEVELOPMENT, *urls), Asked()
    served = {"triage": ["city", "district", "rural"], "staffing": ["city"] if has_plan else []}
    plan = SimpleNamespace(plan=SimpleNamespace(tier="history", tier_reason="Triage: not used."))

    def live(site: str, day: date, **_: Any) -> Iterator[LiveRequest]:
        assert day == DAY
        while True:
            yield LiveRequest(site, "ED", datetime(2026, 4, 22, 9, tzinfo=UTC), "p", "v", {})

    monkeypatch.setattr(elsewhere, "served_sites", lambda _, use_case: served[use_case])
    monkeypatch.setattr(elsewhere, "plan_days", lambda *_: [plan])
    monkeypatch.setattr(elsewhere, "live_requests", live)
    said = elsewhere.go_on_elsewhere(settings, asked, "triage", "city", DAY, date(2026, 1, 5), 7)  # type: ignore[arg-type]
    assert asked.sites[1:] == ["district"] * 12 + ["rural"] * 12
    scored = "12 of 12 requests answered, 6 of them scored by its model"
    assert said["triage at rural"] == f"in shadow of triage, {scored}"
    assert said["triage at district"] == f"in assistive, {scored}"
    assert said.get("staffing at city") == ("plan published from its history. Triage: not used." if has_plan else None)
    assert "triage at city" not in said


def test_elsewhere_is_released_once_and_what_the_gate_said_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = (f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "mlflow", "events"))
    settings, asked = Settings(tmp_path, Environment.DEVELOPMENT, *urls), list[str]()

    def release(run: DemoRun, stage: Stage, site: str) -> bool:
        asked.append(f"{site} in {stage.value}")
        if site == "district":
            run.refuse(site, ["too few events"])
        return site != "district"

    monkeypatch.setattr(DemoRun, "release", release)
    for _ in range(2):
        run = DemoRun(settings, Course(7, 90), ("city", "district", "rural"), print)
        elsewhere.release_elsewhere(run, ["district", "rural"])
        assert run.refused == {"district": ["too few events"]}
    assert asked == ["district in shadow", "rural in shadow"]
