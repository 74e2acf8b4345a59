"""What every step of the demo stands on: its home and days, Dagster, and what the summary will tell.

What does not belong here: the steps themselves, and their order (tour).
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from evaluation.policies import Stage
from orchestration.defs.launch import Launcher
from orchestration.demo.course import BESIDE, PILOT, USE_CASE, Course
from orchestration.demo.people import approve_as_demo
from orchestration.demo.replay import Replayed
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.releases.proposal import current_pointer

Progress = Callable[[str], None]


class DemoStopped(StepError):
    """A step of the demo did not succeed; carries its reasons."""


@dataclass
class DemoRun:
    """One run of the demo. `seconds` by step, `replayed` by stage, `refused` by site are what its summary tells."""

    settings: Settings
    course: Course
    sites: tuple[str, ...]
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    replayed: dict[str, Replayed] = field(default_factory=dict[str, Replayed])
    refused: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    _launcher: Launcher | None = field(default=None, init=False)

    @property
    def launcher(self) -> Launcher:
        """Dagster, loaded when the first step needs it: a repeated demo that changes nothing never does."""
        if self._launcher is None:
            self._launcher = Launcher(self.settings, self.progress)
        return self._launcher

    @property
    def beside(self) -> tuple[str, ...]:
        """The site that has a roster in shadow beside the pilot; none in a demo of one site."""
        return tuple(site for site in self.sites if site == BESIDE)

    @property
    def has_launched(self) -> bool:
        """Whether any step of this run needed Dagster."""
        return self._launcher is not None

    def require(self, succeeded: bool) -> None:
        """Raise `DemoStopped` with what the launcher says unless its last run succeeded."""
        if not succeeded:
            summary = self.launcher.summary
            raise DemoStopped(f"A run failed: {'; '.join([*summary.errors, *summary.failed_checks])}")

    def refuse(self, site: str, reasons: list[str]) -> None:
        """Keep for the summary why a site got no further."""
        self.refused[site] = [*self.refused.get(site, []), *reasons]

    def reached(self, stage: Stage, use_case: str = USE_CASE, site: str = PILOT) -> bool:
        """Whether a use case stands at a stage or above."""
        pointer = current_pointer(self.settings, use_case, site)
        return pointer is not None and Stage(pointer.stage.value).rank >= stage.rank

    def release(self, stage: Stage, use_case: str = USE_CASE, site: str = PILOT) -> bool:
        """Sign two approvals and ask the gate; returns whether it allowed the stage, and keeps its reasons if not."""
        self.progress(f"release   {use_case} at {site}: two approvals for {stage}")
        approve_as_demo(self.settings, use_case, site, stage.value)
        done = self.launcher.release(use_case, site, stage.value)
        if not done:
            self.require(bool(self.launcher.summary.reasons))
            self.progress(f"release   {use_case} at {site}: the gate refused {stage}")
            reasons = self.launcher.summary.reasons
            self.refuse(site, [f"{use_case}: {one['figure']} ({one['to_meet']})" for one in reasons])
        return done

    @contextmanager
    def timed(self, name: str) -> Generator[None]:
        """Add the block's time to the step's seconds."""
        started = perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + perf_counter() - started, 3)
