"""A fault of meaning at the pilot's source, after release: found by drift, contained by the policy, mended, stepped up.

Breaths are counted for half a minute and sent as if for a whole one. Every record keeps its contract and every value
is possible, so only the watch over drift can see it. All patients are simulated; every step is the one that a hospital
takes: the drift watch, the policy's triggers, the gate, approvals by two people. What does not belong here: the order
of the demo (tour), and what the fault is (simulator).
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any

from evaluation.policies import Stage, load_policy
from orchestration.demo.people import acting_as_demo
from orchestration.demo.replay import Department
from orchestration.settings import Settings
from orchestration.simulator import LiveRequest
from orchestration.steps.errors import StepError
from orchestration.steps.record.corrections import SentAgain
from orchestration.steps.record.incidents import list_incidents
from orchestration.steps.record.records import now
from orchestration.steps.releases.explaining import explain_step
from orchestration.steps.watching.incident_report import close_and_print, report_of
from orchestration.steps.watching.trigger_watch import watch_triggers

WHAT = "Respiratory rates are counted for half a minute and sent as if for a whole one (simulated)."
ASKED = 20
"""Requests that are sent while advice is withdrawn."""
LONGEST_SECONDS, POLL_SECONDS = 60.0, 0.05
CAUSE = "A new monitor profile at the source counted breaths for half a minute and sent the count as a rate per minute."
DONE = "The profile was taken back at the source, which sent the readings of these days again; nothing jumps any more."
CONSEQUENCE = "Patients who breathed fast looked calm to the model; visits since the fault began were to be looked at."


class FaultNotContained(StepError):
    """A step of the story did not come about; the message says which, and what was found instead."""


@dataclass(frozen=True)
class Mended:
    """What the source sent again: how many readings, and since when and in which files it was right."""

    readings: int
    correction: SentAgain


@dataclass(frozen=True)
class Hands:
    """What the demo does for the story: `others` works on elsewhere and says how, `mend` brings in what the source
    sends when it is right again, `look` watches drift, `judge` judges serving anew and says what parity came to,
    `step_up` asks for assistive with new approvals."""

    others: Callable[[], dict[str, str]]
    mend: Callable[[], Mended]
    look: Callable[[], None]
    judge: Callable[[], dict[str, Any]]
    step_up: Callable[[], bool]


@dataclass
class Story:
    """What happened, in order, as the summary and `demo --json` tell it; times in seconds of the wall's clock."""

    settings: Settings
    use_case: str
    site: str
    since: date
    told: dict[str, Any] = field(default_factory=dict[str, Any])

    def play(self, emergency: Department, requests: Iterator[LiveRequest], looked_from: datetime, hands: Hands) -> None:
        """Play the story from the moment at which the watch has looked. Raises `FaultNotContained`."""
        self.told |= {"what": WHAT, "site": self.site, "since": str(self.since)}
        incident = self._found(looked_from)
        self._contained()
        self._rolled_back(emergency, requests)
        self.told["others"] = hands.others()
        self._explained(incident)
        with self._timed("corrected"):
            mended = hands.mend()
            hands.look()
        self.told["corrected"]["sent_again"] = mended.readings
        self._close(incident, mended.correction)
        with self._timed("judged_anew"):
            parity = hands.judge()
        self.told["judged_anew"] |= parity
        with self._timed("restored"):
            if not hands.step_up():
                raise FaultNotContained(
                    "The gate refused to step up after the correction; see: pilothouse gate explain"
                )
            self._await(emergency, Stage.ASSISTIVE)
        cards = [emergency.ask(one) for one in requests]
        self.told["restored"] |= {
            "stage": Stage.ASSISTIVE.value,
            "by": acting_as_demo(self.settings, "model").name,
            "requests": len(cards),
            "risk_cards": sum(_is_risk(card) for found in cards for card in found),
        }

    def _found(self, looked_from: datetime) -> str:
        """The one open incident of the watch over drift."""
        here = (self.use_case, self.site)
        drift = [
            one
            for one in list_incidents(self.settings)
            if one["is_open"] and (one["use_case"], one["site"]) == here and one["detail"].get("since")
        ]
        if len(drift) != 1:
            raise FaultNotContained(f"The watch over drift opened {len(drift)} incidents for the fault; expected one.")
        [found] = drift
        opened = datetime.fromisoformat(found["opened_at"])
        kept = ("columns", "feed", "fields", "since", "sentence")
        self.told["found"] = {
            "incident": found["incident"],
            "seconds": round((opened - looked_from).total_seconds(), 3),
            **{name: found["detail"][name] for name in kept},
        }
        return str(found["incident"])

    def _contained(self) -> None:
        """The policy's trigger, as the sensor watches it every minute."""
        with self._timed("contained"):
            found = watch_triggers(self.settings, now())
        mine = [one["payload"] for one in found.stepped_down if one["payload"]["site"] == self.site]
        if len(mine) != 1 or mine[0]["use_case"] != self.use_case:
            raise FaultNotContained(f"Triggers stepped down {mine or 'nothing'}; expected {self.use_case} alone.")
        self.told["contained"] |= {
            "stage": mine[0]["stage"],
            "reason": mine[0]["reason"],
            "incidents": len(found.incidents),
        }

    def _rolled_back(self, emergency: Department, requests: Iterator[LiveRequest]) -> None:
        """What the running service does with the lowered pointer, and what it tells clinicians."""
        with self._timed("rolled_back"):
            self._await(emergency, Stage.SHADOW)
        asked = list(islice(requests, ASKED))
        cards = [card for one in asked for card in emergency.ask(one)]
        message = load_policy(self.use_case).rollback.message.withdrawn
        self.told["rolled_back"] |= {
            "requests": len(asked),
            "risk_cards": sum(_is_risk(card) for card in cards),
            "told_on_cards": sum(card["detail"] == message for card in cards),
            "told_on_board": emergency.told_on_board(self.site, asked[0].unit) == message,
            "message": message,
        }

    def _explained(self, incident: str) -> None:
        """Who was affected, and what the gate says to whoever would bring advice back now."""
        affected = report_of(self.settings, incident).document["affected"]
        refused = explain_step(self.settings, self.use_case, self.site, Stage.ASSISTIVE.value).document["refused_by"]
        self.told["affected"] = {name: affected[name] for name in ("patients", "visits", "cards")}
        self.told["gate_meanwhile"] = [one for one in refused if not one["clause"].startswith("approval.")]

    def _close(self, incident: str, correction: SentAgain) -> None:
        actor = acting_as_demo(self.settings, "model")
        words = {"cause": CAUSE, "done": DONE, "consequence": CONSEQUENCE}
        close_and_print(self.settings, incident, actor=actor, finding="feed", correction=correction, **words)

    def _await(self, emergency: Department, stage: Stage) -> None:
        started = time.monotonic()
        while emergency.stage_of(self.use_case, self.site) != stage.value:
            if time.monotonic() - started > LONGEST_SECONDS:
                raise FaultNotContained(f"After {LONGEST_SECONDS:.0f} s the service at {self.site} is not in {stage}.")
            time.sleep(POLL_SECONDS)

    @contextmanager
    def _timed(self, name: str) -> Generator[None]:
        started = time.perf_counter()
        yield
        self.told[name] = {"seconds": round(time.perf_counter() - started, 3)}


def _is_risk(card: dict[str, Any]) -> bool:
    """Whether a card speaks of a risk: only these can be overridden."""
    return bool(card.get("overrideReasons"))
