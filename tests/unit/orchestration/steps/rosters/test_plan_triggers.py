"""Use cases that publish plans have their triggers watched as those that answer calls: a use case is data."""

from datetime import timedelta

import pytest

from evaluation.evidence import EvidenceHead, Figure
from evaluation.policies import load_policy
from ml.usecases import planned_use_cases, use_case_names
from orchestration.settings import Settings
from orchestration.steps.learning.stores import save_evidence
from orchestration.steps.record.incidents import list_incidents
from orchestration.steps.releases.proposal import current_pointer, released
from orchestration.steps.watching.signals import SIGNALS
from orchestration.steps.watching.trigger_watch import watch_triggers
from tests.unit.orchestration.steps.rostered import NOW, PLACE, Rostered

ADJUSTED = "shadow.adjusted_share"


def test_every_signal_of_every_use_case_is_one_that_is_watched() -> None:
    told = {use_case: {one.signal for one in load_policy(use_case).triggers} for use_case in use_case_names()}
    assert {"triage", "staffing", "roster"} <= set(told)
    assert set().union(*told.values()) <= set(SIGNALS)
    assert all(told[use_case] for use_case in planned_use_cases())


@pytest.mark.parametrize("use_case", planned_use_cases())
def test_figures_that_people_set_too_often_step_a_plan_down_and_open_one_incident(
    settings: Settings, use_case: str
) -> None:
    rural = Rostered.at(settings)
    rural.staffing_says(2.0)
    for served in rural.releases:
        rural.put_on_record(served)
    trigger = next(one for one in load_policy(use_case).triggers if one.signal == ADJUSTED)
    release = released(settings, current_pointer(settings, use_case, PLACE.id))
    assert release is not None
    wall = NOW + timedelta(hours=2)

    def evidenced(share: float, minutes: int) -> None:
        made = NOW + timedelta(minutes=minutes)
        head = EvidenceHead(use_case, PLACE.id, release.manifest.model.digest, "0" * 64, made, {})
        save_evidence(settings, head.evidence("shadow", {ADJUSTED: Figure(share, n=trigger.min_n)}, {}))

    evidenced(trigger.threshold, 1)
    assert watch_triggers(settings, wall).is_quiet, "the threshold itself is borne"
    evidenced(trigger.threshold + 0.1, 2)
    looks = [watch_triggers(settings, wall + timedelta(days=days)) for days in (0, 1)]
    assert [one.problems for one in looks] == [[], []]
    assert sum(len(one.stepped_down) for one in looks) == 1, "at once, or as the shift ends in which it was seen"
    assert [one["use_case"] for one in list_incidents(settings) if one["is_open"]] == [use_case]
    pointer = current_pointer(settings, use_case, PLACE.id)
    assert pointer is not None
    lower = trigger.steps_down_to
    assert lower.tier is None or pointer.tier.value == lower.tier.value
    assert lower.stage is None or pointer.stage.value == lower.stage.value
