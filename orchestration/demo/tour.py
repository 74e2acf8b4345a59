"""The order of the demo, and what is already done: a second run repeats nothing that still stands.

What does not belong here: how a step works.
"""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Any

from evaluation.policies import Stage
from orchestration.defs.launch import Launcher
from orchestration.demo.elsewhere import go_on_elsewhere
from orchestration.demo.fault import Hands, Story
from orchestration.demo.people import approve_as_demo
from orchestration.demo.replay import Arrivals, Replayed, department
from orchestration.demo.staffing import ROSTER, STAFFING, adjust_as_demo, plan_days, simulate_history
from orchestration.demo.summary import summarise
from orchestration.settings import Settings
from orchestration.simulator import HalfMinute, LiveRequest, Scenario, live_requests, simulate_group
from orchestration.sites import load_site
from orchestration.steps.answer import Answer
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_json
from orchestration.steps.intake.landing import pending_drops
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.evidence import decision_is_fresh
from orchestration.steps.planning.meetings import time_to_plan
from orchestration.steps.present import stand_at
from orchestration.steps.record.records import now
from orchestration.steps.releases.proposal import current_pointer
from orchestration.steps.warehouse.tables import tables_are_fresh
from orchestration.steps.watching.board_packs import write_board_packs
from orchestration.steps.watching.reporting import write_all_reports

USE_CASE, PILOT = "triage", "city"
GROUP = ("city", "district", "rural")
FIRST_DAY = date(2026, 1, 5)
SHADOW_DAYS, ASSISTIVE_DAYS, FAULTY_DAYS, MENDED_DAYS = 14, 1, 2, 1
"""In shadow; with cards, of which the last days have a fault at the source; and the day on which it is over."""
PROCESSES = 2

Progress = Callable[[str], None]


class DemoHomeTaken(StepError):
    """The home already holds a demo of another seed, length or size."""


class DemoStopped(StepError):
    """A step of the demo did not succeed; carries its reasons."""


def run_demo(settings: Settings, *, seed: int, days: int, sites: int, progress: Progress) -> Answer:
    """Run the demo and return its summary; raises `DemoStopped` with the reasons of the step that failed."""
    tour = Tour(settings, seed, days, GROUP[:sites], progress)
    tour.run()
    return summarise(settings, tour.sites, USE_CASE, PILOT, tour.seconds, tour.replayed, tour.refused, tour.fault)


class Tour:
    """One pass through the life of a release. Each step looks first whether its result still stands."""

    def __init__(self, settings: Settings, seed: int, days: int, sites: tuple[str, ...], progress: Progress) -> None:
        self._settings, self._seed, self._days, self.sites = settings, seed, days, sites
        self._progress = progress
        self._launcher: Launcher | None = None
        self._arrivals: Arrivals | None = None
        self._looked_from = now()
        self.fault: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        self.replayed: dict[str, Replayed] = {}
        self.refused: dict[str, list[str]] = {}

    def run(self) -> None:
        self._claim_home()
        with self._timed("total"):
            with self._timed("simulate"):
                self._simulate()
            self._bring_in(until=self._day(self._days), sites=self.sites)
            with self._timed("train_and_judge"):
                trained = [site for site in self.sites if self._train(site)]
                self._train(PILOT, STAFFING)
            if PILOT in trained and self._step_up(Stage.SHADOW, self._days, SHADOW_DAYS):
                self._observe_elsewhere([site for site in trained if site != PILOT])
                self._plan(Stage.SHADOW, self._days, SHADOW_DAYS)
                self._plan(Stage.ASSISTIVE, self._shown_from, ASSISTIVE_DAYS)
                if self._step_up(Stage.ASSISTIVE, self._shown_from, ASSISTIVE_DAYS + FAULTY_DAYS):
                    self._suffer()
                self._record_changes()
            with self._timed("reports"):
                self._report()

    @property
    def launcher(self) -> Launcher:
        """Dagster, loaded when the first step needs it: a repeated demo that changes nothing never does."""
        if self._launcher is None:
            self._launcher = Launcher(self._settings, self._progress)
        return self._launcher

    def _simulate(self) -> None:
        done = self._settings.home / "state" / "simulated.json"
        if done.exists():
            self._progress("simulate  done before")
            return
        self._progress(f"simulate  {', '.join(self.sites)}: {self._all_days} days, seed {self._seed}")
        simulate_group(
            self._settings.home,
            sites=self.sites,
            start=FIRST_DAY,
            days=self._all_days,
            seed=self._seed,
            processes=PROCESSES,
            scenario=self._scenario,
        )
        if PILOT in self.sites:
            simulate_history(self._settings, PILOT, FIRST_DAY, self._seed)
        write_json(done, {"days": self._all_days})

    def _bring_in(self, until: date, sites: tuple[str, ...]) -> None:
        with self._timed("landing"):
            for site in sites:
                for drops in pending_drops(self._settings, site, before=until):
                    self._require(self.launcher.land(drops))
        with self._timed("tables"):
            if not tables_are_fresh(self._settings):
                self._require(self.launcher.build_tables())

    def _train(self, site: str, use_case: str = USE_CASE) -> bool:
        """Train and judge; a site with too little to learn from gets no candidate, and the summary says why."""
        served = current_pointer(self._settings, use_case, site) is not None
        if served or decision_is_fresh(self._settings, use_case, site):
            self._progress(f"candidate {use_case} at {site}: nothing new since it was judged")
            return True
        lacking = kind_of(use_case).why_not_trainable(self._settings, use_case, site)
        if lacking:
            self._refuse(site, [f"{lacking} Run the demo with more --days."])
            return False
        done = self.launcher.train_and_judge(use_case, site)
        if not done:
            self._refuse(site, self.launcher.summary.errors[-1:])
        return done

    def _refuse(self, site: str, reasons: list[str]) -> None:
        self.refused[site] = [*self.refused.get(site, []), *reasons]

    def _plan(self, stage: Stage, first: int, days: int) -> None:
        """Approve and promote the staffing forecast where the gate allows it, and publish the plans of some days.

        In assistive a charge nurse sets another figure at the first meeting. The last plan is made at the demo's end.
        """
        done = self._settings.home / "state" / f"planned-{stage}.json"
        if done.exists() or self.refused.get(PILOT):
            return
        with self._timed(f"plans_{stage}"):
            if not self._reached(stage, STAFFING) and not self._release(stage, STAFFING):
                return
            self._progress(f"plans     {days} days of {STAFFING} at {PILOT} in {stage}")
            made = plan_days(self._settings, PILOT, self._day(first), days if stage is Stage.SHADOW else 1)
            if stage is Stage.SHADOW:
                self._require(self.launcher.watch(PILOT, (STAFFING,)))
            else:
                changed = adjust_as_demo(self._settings, made[0])
                self._progress(f"board     {changed} shifts set otherwise by a charge nurse")
        write_json(done, {"days": days})

    def _record_changes(self) -> None:
        """Bring what was changed on the board to the ledger, and make the plans for the next meeting: what is needed,
        and from it who works, in shadow."""
        done = self._settings.home / "state" / "planned-next.json"
        if done.exists() or not self._reached(Stage.ASSISTIVE, STAFFING):
            return
        with self._timed("plans_next"):
            self._require(self.launcher.adjustments(STAFFING, PILOT))
            present = time_to_plan(load_site(PILOT), self._day(self._all_days))
            self._require(self.launcher.plan(STAFFING, PILOT, present))
        with self._timed("roster"):
            if self._train(PILOT, ROSTER) and self._release(Stage.SHADOW, ROSTER):
                self._require(self.launcher.plan(ROSTER, PILOT, present))
        stand_at(self._settings, present)
        write_json(done, {"at": present.isoformat()})

    def _step_up(self, stage: Stage, first: int, days: int) -> bool:
        """Approve and promote at the pilot site, run the service for some days, bring back what happened.

        Returns whether the stage was reached: the gate may refuse, here as anywhere, and then the demo ends there.
        """
        if self._reached(stage):
            self._progress(f"release   {USE_CASE} at {PILOT}: {stage} was reached before")
        else:
            with self._timed(f"release_{stage}"):
                if not self._release(stage):
                    return False
        played = self._settings.home / "state" / f"replayed-{stage}.json"
        if played.exists():
            return True
        with self._timed(f"replay_{stage}"):
            self._replay(stage, first, days)
        self._bring_in(until=self._day(first + days), sites=(PILOT,))
        self._looked_from = now()
        with self._timed(f"monitor_{stage}"):
            self._require(self.launcher.watch(PILOT, (USE_CASE,)))
        write_json(played, {"days": days})
        return True

    def _observe_elsewhere(self, sites: list[str]) -> None:
        """Release in shadow elsewhere what was trained there, on its own evidence; once, whatever the gate said."""
        done = self._settings.home / "state" / "released-elsewhere.json"
        if not done.exists():
            with self._timed("release_elsewhere"):
                allowed = {site: self._release(Stage.SHADOW, site=site) for site in sites}
            write_json(done, {site: self.refused.pop(site, []) for site, is_in in allowed.items() if not is_in})
        for site, reasons in json.loads(done.read_bytes()).items():
            self._refuse(site, reasons)

    def _suffer(self) -> None:
        """Play the fault at the pilot's source to its end, once; a second demo tells it again."""
        played = self._settings.home / "state" / "fault.json"
        if not played.exists():
            faulty, mended = (self._day(self._shown_from + ASSISTIVE_DAYS), self._day(self._mended_from))
            if self._reached(Stage.ASSISTIVE, STAFFING):
                with self._timed("plans_assistive"):
                    plan_days(self._settings, PILOT, faulty, FAULTY_DAYS)
            self._progress(f"fault     {USE_CASE} at {PILOT}: breaths counted for half a minute (simulated)")
            with self._timed("fault"), department(self._settings) as emergency:
                hands = Hands(
                    others=lambda: go_on_elsewhere(
                        self._settings, emergency, USE_CASE, PILOT, mended, FIRST_DAY, self._seed
                    ),
                    mend=self._mend,
                    look=lambda: self._require(self.launcher.watch_drift(PILOT)),
                    step_up=lambda: self._release(Stage.ASSISTIVE),
                )
                story = Story(self._settings, USE_CASE, PILOT, faulty)
                story.play(emergency, self._requests(self._mended_from, MENDED_DAYS), self._looked_from, hands)
            write_json(played, story.told)
        self.fault = json.loads(played.read_bytes())

    def _mend(self) -> int:
        """Bring in the day on which the source sends again what was wrong; returns how many readings it sent again."""
        sent = self._settings.drops / PILOT / self._day(self._mended_from).isoformat() / "Observation.ndjson"
        again = sent.read_bytes().count(b'"status":"corrected"')
        self._bring_in(until=self._day(self._all_days), sites=(PILOT,))
        return again

    def _reached(self, stage: Stage, use_case: str = USE_CASE, site: str = PILOT) -> bool:
        pointer = current_pointer(self._settings, use_case, site)
        return pointer is not None and Stage(pointer.stage.value).rank >= stage.rank

    def _release(self, stage: Stage, use_case: str = USE_CASE, site: str = PILOT) -> bool:
        self._progress(f"release   {use_case} at {site}: two approvals for {stage}")
        approve_as_demo(self._settings, use_case, site, stage.value)
        done = self.launcher.release(use_case, site, stage.value)
        if not done:
            self._require(bool(self.launcher.summary.reasons))
            self._progress(f"release   {use_case} at {site}: the gate refused {stage}")
            self._refuse(site, [f"{one['figure']} ({one['to_meet']})" for one in self.launcher.summary.reasons])
        return done

    def _replay(self, stage: Stage, first: int, days: int) -> None:
        self._progress(f"replay    {days} days of requests at {PILOT} in {stage}")
        with department(self._settings) as emergency:
            self.replayed[stage.value] = emergency.replay(self._requests(first, days))
        self._require(self.launcher.collect_events(self._day(first + days - 1)))

    def _requests(self, first: int, days: int) -> Iterator[LiveRequest]:
        """The pilot's requests of some days; days follow each other from the first that is asked for."""
        if self._arrivals is None:
            left = self._all_days - first
            asked = live_requests(
                PILOT, self._day(first), start=FIRST_DAY, seed=self._seed, days=left, scenario=self._scenario
            )
            self._arrivals = Arrivals(asked)
        return self._arrivals.until(datetime.combine(self._day(first + days), time(), load_site(PILOT).zone))

    def _report(self) -> None:
        """Write the pages, through the graph where this run changed something, so that the graph shows it.

        Then print the pilot's board pack.
        """
        if self._launcher is None:
            write_all_reports(self._settings)
        else:
            self._require(self.launcher.write_reports())
        if current_pointer(self._settings, USE_CASE, PILOT) is not None:
            write_board_packs(self._settings, USE_CASE, PILOT, None)

    @property
    def _shown_from(self) -> int:
        return self._days + SHADOW_DAYS

    @property
    def _mended_from(self) -> int:
        return self._shown_from + ASSISTIVE_DAYS + FAULTY_DAYS

    @property
    def _all_days(self) -> int:
        return self._mended_from + MENDED_DAYS

    @property
    def _scenario(self) -> Scenario:
        """A fault at the pilot's source, some days after cards were first shown."""
        return Scenario(
            half_minute=HalfMinute(PILOT, self._day(self._shown_from + ASSISTIVE_DAYS), self._day(self._mended_from))
        )

    def _day(self, offset: int) -> date:
        return FIRST_DAY + timedelta(days=offset)

    def _claim_home(self) -> None:
        claim = self._settings.home / "state" / "demo.json"
        mine = {"seed": self._seed, "days": self._days, "sites": list(self.sites)}
        if claim.exists() and json.loads(claim.read_bytes()) != mine:
            raise DemoHomeTaken(
                f"This home holds a demo with {claim.read_text().strip()}; run it with the same options, "
                "or start anew with `make clean` or another PILOTHOUSE_HOME."
            )
        write_json(claim, mine)

    def _require(self, succeeded: bool) -> None:
        if not succeeded:
            summary = self.launcher.summary
            raise DemoStopped(f"A run failed: {'; '.join([*summary.errors, *summary.failed_checks])}")

    @contextmanager
    def _timed(self, name: str) -> Generator[None]:
        started = perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + perf_counter() - started, 3)
