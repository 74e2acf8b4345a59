"""The pilot site: stepped up stage by stage, its days replayed through the running service, a fault at its source.

What does not belong here: what happens in the fault (fault), and the plans of nurses (plans).
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from evaluation.policies import Stage
from orchestration.demo.course import FAULTY_DAYS, FIRST_DAY, MENDED_DAYS, PILOT, USE_CASE
from orchestration.demo.elsewhere import go_on_elsewhere
from orchestration.demo.fault import FaultNotContained, Hands, Mended, Story
from orchestration.demo.preparing import bring_in
from orchestration.demo.replay import Arrivals, Department, department
from orchestration.demo.run import DemoRun
from orchestration.demo.staffing import STAFFING, plan_days
from orchestration.demo.unmoved import look_elsewhere, require_unmoved
from orchestration.simulator import LiveRequest, live_requests
from orchestration.sites import load_site
from orchestration.steps.files import write_json
from orchestration.steps.learning.stores import read_all_evidence
from orchestration.steps.record.corrections import SentAgain
from orchestration.steps.record.records import now
from orchestration.steps.watching.status import newest


class Pilot:
    """The use case at the pilot site, in one run of the demo."""

    def __init__(self, run: DemoRun) -> None:
        self._run, self._settings, self._course = run, run.settings, run.course
        self._arrivals: Arrivals | None = None
        self._looked_from = now()

    def step_up(self, stage: Stage, first: int, days: int) -> bool:
        """Approve and promote at the pilot site, run the service for some days, bring back what happened.

        Returns whether the stage was reached: the gate may refuse, here as anywhere, and then the demo ends there.
        With cards, the days of the site beside it are brought in as well: a roster is made there from what is new.
        """
        run = self._run
        if run.reached(stage):
            run.progress(f"release   {USE_CASE} at {PILOT}: {stage} was reached before")
        else:
            with run.timed(f"release_{stage}"):
                if not run.release(stage):
                    return False
        played = self._settings.home / "state" / f"replayed-{stage}.json"
        if played.exists():
            return True
        with run.timed(f"replay_{stage}"):
            self._replay(stage, first, days)
        beside = run.beside if stage is Stage.ASSISTIVE else ()
        bring_in(run, until=self._course.day(first + days), sites=(PILOT, *beside))
        self._looked_from = now()
        with run.timed(f"monitor_{stage}"):
            run.require(run.launcher.watch(PILOT, (USE_CASE,)))
        write_json(played, {"days": days})
        return True

    def suffer(self) -> dict[str, Any]:
        """Play the fault at the pilot's source to its end, once; a second demo tells it again. Returns what is told."""
        played = self._settings.home / "state" / "fault.json"
        if not played.exists():
            if self._run.reached(Stage.ASSISTIVE, STAFFING):
                with self._run.timed("plans_assistive"):
                    plan_days(self._settings, PILOT, self._course.day(self._course.faulty_from), FAULTY_DAYS)
            self._run.progress(f"fault     {USE_CASE} at {PILOT}: breaths counted for half a minute (simulated)")
            with self._run.timed("fault"), department(self._settings) as emergency:
                story = Story(self._settings, USE_CASE, PILOT, self._course.day(self._course.faulty_from))
                requests = self._requests(self._course.mended_from, MENDED_DAYS)
                before = look_elsewhere(self._settings, PILOT)
                story.play(emergency, requests, self._looked_from, self._hands(emergency))
                story.told["others"] = require_unmoved(self._settings, PILOT, before, story.told["others"])
            write_json(played, story.told)
        return json.loads(played.read_bytes())

    def _hands(self, emergency: Department) -> Hands:
        run, mended = self._run, self._course.day(self._course.mended_from)
        return Hands(
            others=lambda: go_on_elsewhere(
                self._settings, emergency, USE_CASE, PILOT, mended, FIRST_DAY, self._course.seed
            ),
            mend=self._mend,
            judge=self._judge,
            look=lambda: run.require(run.launcher.watch_drift(PILOT)),
            step_up=lambda: run.release(Stage.ASSISTIVE),
        )

    def _mend(self) -> Mended:
        """Bring in the day on which the source sends again what was wrong."""
        mended = self._course.day(self._course.mended_from)
        sent = (self._settings.drops / PILOT / mended.isoformat() / "Observation.ndjson").read_bytes()
        bring_in(self._run, until=self._course.day(self._course.all_days), sites=(PILOT,))
        right_again = datetime.combine(mended, time(), load_site(PILOT).zone)
        files = (hashlib.sha256(sent).hexdigest(),)
        return Mended(sent.count(b'"status":"corrected"'), SentAgain(right_again, files))

    def _judge(self) -> dict[str, Any]:
        """Judge serving with what the source sent again; visits of the fault stand apart and are told."""
        self._run.require(self._run.launcher.watch(PILOT, (USE_CASE,)))
        found = newest(read_all_evidence(self._settings, USE_CASE, PILOT).readable, "parity")
        if found is None:
            raise FaultNotContained(f"No evidence of parity at {PILOT} after the correction; expected a new one.")
        rest, apart = found.figures["parity.agreement"], found.figures["parity.agreement_set_apart"]
        return {"agreement": rest.value, "visits": rest.n, "set_apart": apart.n, "agreement_set_apart": apart.value}

    def _replay(self, stage: Stage, first: int, days: int) -> None:
        run = self._run
        run.progress(f"replay    {days} days of requests at {PILOT} in {stage}")
        with department(self._settings) as emergency:
            run.replayed[stage.value] = emergency.replay(self._requests(first, days))
        run.require(run.launcher.collect_events(self._course.day(first + days - 1)))

    def _requests(self, first: int, days: int) -> Iterator[LiveRequest]:
        """The pilot's requests of some days; days follow each other from the first that is asked for."""
        course = self._course
        if self._arrivals is None:
            asked = live_requests(
                PILOT,
                course.day(first),
                start=FIRST_DAY,
                seed=course.seed,
                days=course.all_days - first,
                scenario=course.scenario,
            )
            self._arrivals = Arrivals(asked)
        return self._arrivals.until(datetime.combine(course.day(first + days), time(), load_site(PILOT).zone))
