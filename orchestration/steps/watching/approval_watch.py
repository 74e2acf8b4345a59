"""Looking at the approvals of everything that is served: a release whose approvals are over steps down by itself.

What does not belong here: when they are over (standing), and stepping down itself (going_down).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.policies import Stage
from ml.registry.pointer import Pointer
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.steps.errors import known_errors, said
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.going_down import roll_back_if
from orchestration.steps.releases.proposal import current_pointer, released, served_sites
from orchestration.steps.releases.standing import Watched, standing_of, told


@dataclass(frozen=True)
class Watch:
    """What a look at everything that is served found, which releases stepped down, and what could not be looked at."""

    watched: tuple[Watched, ...]
    stepped_down: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


def watch_approvals(settings: Settings, at: datetime) -> Watch:
    """Look at every served release; one whose approvals are over steps down, recorded as automatic.

    One place that cannot be judged keeps no other waiting; it is a problem that is told.
    """
    watched: list[Watched] = []
    entries: list[dict[str, Any]] = []
    problems: list[str] = []
    for use_case in use_case_names():
        for site in served_sites(settings, use_case):
            try:
                found = _look(settings, use_case, site, at)
                if found is not None:
                    watched.append(found)
                    entries += _step_down(settings, found, at) if found.over else []
            except (*known_errors(), ArithmeticError) as error:
                problems.append(f"The approvals of {use_case} at {site} cannot be judged: {said(error)}")
    return Watch(tuple(watched), tuple(entries), tuple(problems))


def _look(settings: Settings, use_case: str, site: str, at: datetime) -> Watched | None:
    return _judge(settings, current_pointer(settings, use_case, site), at)


def _judge(settings: Settings, pointer: Pointer | None, at: datetime) -> Watched | None:
    return standing_of(open_records(settings), pointer, released(settings, pointer), at)


def _step_down(settings: Settings, seen: Watched, at: datetime) -> list[dict[str, Any]]:
    """Step down by what is judged again under the release's lock: what was seen may have been replaced meanwhile."""

    def judge(pointer: Pointer) -> tuple[Stage, str] | None:
        found = _judge(settings, pointer, at)
        if found is None or not found.over:
            return None
        return found.lower, f"Approvals are over: {' '.join(told(one) for one in found.over)}"

    entry = roll_back_if(settings, seen.use_case, seen.site, judge, Actor(AUTOMATIC))
    return [] if entry is None else [entry]
