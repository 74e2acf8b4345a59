"""Any order of signing, refusing, revoking, changing, stepping and moving clocks: no stage without its approvals.

What is expected is counted here from a plain list of what was said, by rules of its own.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import yaml
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from evaluation.evidence import Subject
from evaluation.gates import Decision
from evaluation.ledger import Certificate
from evaluation.policies import Stage, parse_policy
from evaluation.policies.load import FOLDER
from tests.unit.evaluation.gates.conftest import NOW, Case, Room

REGION, USE, AUTHOR = "US", "Supports the triage nurse.", "mia.author"
ROLES = {
    "model": "clinical_safety_lead",
    "workflow": "nursing_lead",
    "privacy": "privacy_officer",
    "regulatory": "regulatory_affairs_lead",
}
PEOPLE = {kind: (f"{kind}.one", f"{kind}.two") for kind in ROLES} | {"privacy": ("privacy.one", "privacy.two", AUTHOR)}
SHADOW, ASSISTIVE, SUPPORT = Stage.SHADOW, Stage.ASSISTIVE, Stage.DECISION_SUPPORT
NEEDS = {
    SHADOW: {"model": 1, "workflow": 1},
    ASSISTIVE: {"model": 1, "workflow": 1, "privacy": 2},
    SUPPORT: {"model": 1, "workflow": 2, "privacy": 1, "regulatory": 1},
}
VALID = {"model": 30, "workflow": 30, "privacy": 5, "regulatory": 30}
DAYS = st.sampled_from([0, 1, 5, 10])
A_MOMENT = timedelta(microseconds=1)
WAITS = st.sampled_from(
    [timedelta(days=days) + more for days in (0, 0, 1, 5, 30) for more in (-A_MOMENT, timedelta(), A_MOMENT)]
)
"""Around every boundary: none, the last day of a certificate, and as long as approvals of each kind hold."""


def policy() -> Any:
    document = yaml.safe_load((FOLDER / "triage.yaml").read_text("utf-8"))
    document["approvals"]["kinds"] = [
        {"kind": kind, "roles": [role], "rationale": "for tests", "valid_days": VALID[kind]}
        for kind, role in ROLES.items()
    ]
    for stage, needs in NEEDS.items():
        asked = [{"kind": kind, "quorum": quorum} for kind, quorum in needs.items()]
        document["stages"][stage.value]["approvals"] = asked
    return parse_policy(yaml.safe_dump(document), "test.yaml")


POLICY = policy()


@lru_cache
def good_decision(stage: Stage) -> Decision:
    """A decision that allows the stage: evidence is not what is tried here."""
    subject = Subject("1" * 64, "2" * 64, "3" * 64, POLICY.digest, "5" * 64)
    return Case(policy=POLICY, subject=subject, stage=stage).decide()


@dataclass(frozen=True)
class Said:
    """One signature, as the oracle remembers it."""

    order: int
    kind: str
    person: str
    stage: Stage
    subject: Subject
    decided_on: datetime
    verdict: str
    last_day: datetime | None


class Rollout(RuleBasedStateMachine):
    """A site whose people do everything in any order, under clocks that go both ways."""

    def __init__(self) -> None:
        super().__init__()
        subject = Subject("1" * 64, "2" * 64, "3" * 64, POLICY.digest, "5" * 64)
        self.room = Room(Case(policy=POLICY, subject=subject))
        for kind, people in PEOPLE.items():
            for person in people:
                self.room.register(person, ROLES[kind])
        self.stage, self.released = Stage.OFF, None
        self.said: list[Said] = []
        self.revoked: dict[str, int] = {}
        self.reached: list[tuple[Stage, bool]] = []

    @property
    def now(self) -> datetime:
        return self.room.case.now

    @rule(kind=st.sampled_from(list(ROLES)), stage=st.sampled_from(list(NEEDS)), days=DAYS, data=st.data())
    def sign(self, kind: str, stage: Stage, days: int, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(PEOPLE[kind]))
        self._say(kind, person, stage, data.draw(st.sampled_from(["approve"] * 5 + ["refuse"])), days)

    @rule(to=st.sampled_from(list(NEEDS)), first=st.integers(0, 2), less=st.integers(0, 1), wait=WAITS, days=DAYS)
    def sign_together_wait_and_ask(self, to: Stage, first: int, less: int, wait: timedelta, days: int) -> None:
        """What a board does: each kind signed by as many as are needed, or one less; then some time passes."""
        self.everybody_signs(to, first, less, days)
        self.room.case.now += wait
        self.promote(to)

    def everybody_signs(self, stage: Stage, first: int = 0, less: int = 0, days: int = 10) -> None:
        for kind, quorum in NEEDS[stage].items():
            people = [*PEOPLE[kind][first:], *PEOPLE[kind][:first]]
            for person in people[: quorum - less]:
                self._say(kind, person, stage, "approve", days)

    def _say(self, kind: str, person: str, stage: Stage, verdict: str, days: int) -> None:
        last_day = self.now + timedelta(days=days) if kind == "regulatory" and verdict == "approve" else None
        certificate = None if last_day is None else Certificate("K-1", REGION, USE, last_day.date())
        entry = self.room.say(
            person, ROLES[kind], kind, stage=stage, verdict=verdict, decided_on=self.now, certificate=certificate
        )
        self.said.append(Said(entry.seq, kind, person, stage, self.room.case.subject, self.now, verdict, last_day))

    @rule(part=st.sampled_from(["model", "data", "contracts", "card"]), digit=st.sampled_from("67"))
    def change(self, part: str, digit: str) -> None:
        subject = self.room.case.subject
        self.room.case.subject = Subject(**{**subject.to_json(), part: digit * 64})

    @rule(wait=WAITS)
    def move_the_clock(self, wait: timedelta) -> None:
        self.room.case.now += wait

    @precondition(lambda self: len(self.revoked) < 2)
    @rule(kind=st.sampled_from(list(ROLES)))
    def revoke(self, kind: str) -> None:
        person = PEOPLE[kind][1]
        if person not in self.revoked:
            self.revoked[person] = self.room.revoke(person).seq

    @rule(to=st.sampled_from(list(NEEDS)))
    def promote(self, to: Stage) -> None:
        decision = replace(good_decision(to), subject=self.room.case.subject, decided_at=self.now)
        answer = self.room.ask(
            decision=decision,
            current=self.stage,
            released=self.released,
            author=AUTHOR,
            region=REGION,
            intended_use=USE,
        )
        assert answer.allowed == self._may(to), [one.figure for one in answer.reasons]
        named = {one.clause.removeprefix("approval.") for one in answer.reasons if one.clause.startswith("approval.")}
        assert named == self._short(to) | {one.kind for one in self._refusals(to)}
        if answer.allowed:
            assert AUTHOR not in {one.statement.person for one in answer.approvals}
            self.stage, self.released = to, self.room.case.subject
        self.reached.append((to, answer.allowed))

    @rule(to=st.sampled_from(list(Stage)))
    def step_down(self, to: Stage) -> None:
        if to.rank < self.stage.rank:
            self.stage, self.released = to, None if to is Stage.OFF else self.released

    def _may(self, target: Stage) -> bool:
        is_up = target.rank == self.stage.rank + 1
        is_new = target is self.stage and self.room.case.subject != self.released
        return (is_up or is_new) and not self._short(target) and not self._refusals(target)

    def _short(self, target: Stage) -> set[str]:
        counts = {kind: len({one.person for one in self.said if self._counts(one, kind, target)}) for kind in ROLES}
        return {kind for kind, quorum in NEEDS[target].items() if counts[kind] < quorum}

    def _counts(self, one: Said, kind: str, target: Stage) -> bool:
        age = self.now - one.decided_on
        is_ours = (one.kind, one.stage, one.subject, one.verdict) == (kind, target, self.room.case.subject, "approve")
        is_fresh = timedelta(0) <= age <= timedelta(days=VALID[kind])
        is_certified = one.last_day is None or self.now.date() <= one.last_day.date()
        return is_ours and is_fresh and is_certified and one.person != AUTHOR and not self._is_void(one)

    def _is_void(self, one: Said) -> bool:
        return one.order > self.revoked.get(one.person, one.order)

    def _refusals(self, target: Stage) -> list[Said]:
        ours = [one for one in self.said if (one.stage, one.subject) == (target, self.room.case.subject)]
        return [one for one in ours if one.verdict == "refuse" and not any(self._lifts(each, one) for each in ours)]

    def _lifts(self, later: Said, refusal: Said) -> bool:
        is_same = (later.kind, later.person, later.verdict) == (refusal.kind, refusal.person, "approve")
        is_later = later.order > refusal.order and later.decided_on > refusal.decided_on
        return is_same and is_later and not self._is_void(later)

    @invariant()
    def no_stage_is_reached_but_by_a_promotion(self) -> None:
        allowed = {stage for stage, was_allowed in self.reached if was_allowed}
        assert self.stage in allowed | {Stage.OFF} or any(stage.rank > self.stage.rank for stage in allowed)


Rollout.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestRollout = Rollout.TestCase


def test_the_way_up_is_open_to_those_who_sign_everything() -> None:
    machine = Rollout()
    for stage in NEEDS:
        machine.everybody_signs(stage)
        machine.promote(stage)
    assert machine.reached == [(stage, True) for stage in NEEDS] and machine.stage is SUPPORT
    machine.room.case.now = NOW + timedelta(days=365)
    machine.change("model", "6")
    machine.promote(SUPPORT)
    assert machine.reached[-1] == (SUPPORT, False)
