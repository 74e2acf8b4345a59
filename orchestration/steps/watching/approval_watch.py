"""Looking at the approvals of everything that scores: whose approvals are over steps down, or leaves, by itself.

What does not belong here: when they are over (standing), stepping down itself (going_down), and taking a challenger
away (withdrawing).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.policies import Stage
from ml.registry.challenger import challenged_places
from ml.registry.pointer import Pointer
from ml.registry.signing import load_public_key
from ml.registry.store import load_release
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.steps.errors import known_errors, said
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.lanes import lane_at
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.going_down import roll_back_if
from orchestration.steps.releases.proposal import current_pointer, released, served_sites
from orchestration.steps.releases.standing import Watched, standing_beside, standing_of, told
from orchestration.steps.releases.withdrawing import withdraw_if


@dataclass(frozen=True)
class Watch:
    """What a look at everything that is served, and at challengers, found; the entries of releases that stepped down
    and of challengers that were taken away; and what could not be looked at."""

    watched: tuple[Watched, ...]
    stepped_down: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


def watch_approvals(settings: Settings, at: datetime) -> Watch:
    """Look at every served release, and every challenger; one whose approvals are over steps down, and a challenger is
    taken away, recorded as automatic.

    One place that cannot be judged keeps no other waiting; it is a problem that is told.
    """
    watched: list[Watched] = []
    entries: list[dict[str, Any]] = []
    problems: list[str] = []
    for what, look, end, use_case, site in _places(settings):
        try:
            found = look(settings, use_case, site, at)
            if found is not None:
                watched.append(found)
                entries += end(settings, found, at) if found.over else []
        except (*known_errors(), ArithmeticError) as error:
            problems.append(f"The approvals of {what}{use_case} at {site} cannot be judged: {said(error)}")
    return Watch(tuple(watched), tuple(entries), tuple(problems))


Look = Callable[[Settings, str, str, datetime], Watched | None]
End = Callable[[Settings, Watched, datetime], list[dict[str, Any]]]


def _places(settings: Settings) -> Iterator[tuple[str, Look, End, str, str]]:
    """Where to look, how, and what ends it: everything that is served first."""
    for use_case in use_case_names():
        for site in served_sites(settings, use_case):
            yield "", _look, _step_down, use_case, site
    for use_case, site in sorted(challenged_places(settings.home)):
        yield "the challenger of ", _look_beside, _take_away, use_case, site


def _look_beside(settings: Settings, use_case: str, site: str, at: datetime) -> Watched | None:
    """None where there is no challenger that pointer and ledger agree upon: `status` tells of one that they do not."""
    records = open_records(settings)
    challenger = lane_at(settings, records, use_case, site).release
    if challenger is None:
        return None
    release = load_release(settings.home, challenger, load_public_key(settings.keys / "release.pub.pem"))
    return standing_beside(records, release, at)


def _take_away(settings: Settings, seen: Watched, at: datetime) -> list[dict[str, Any]]:
    """Take away by what is judged again under the lock of the place."""

    def judge() -> str | None:
        found = _look_beside(settings, seen.use_case, seen.site, at)
        return _over(found) if found is not None and found.over else None

    entry = withdraw_if(settings, seen.use_case, seen.site, judge, Actor(AUTOMATIC))
    return [] if entry is None else [entry]


def _over(found: Watched) -> str:
    return f"Approvals are over: {' '.join(told(one) for one in found.over)}"


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
        return found.lower, _over(found)

    entry = roll_back_if(settings, seen.use_case, seen.site, judge, Actor(AUTOMATIC))
    return [] if entry is None else [entry]
