from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from evaluation.gates import (
    GlassAsked,
    Reading,
    Stood,
    after_glass,
    breached,
    earned,
    lowered_by,
    step_reasons,
    why_not_broken,
    would_lower,
)
from evaluation.ledger import Entry, GlassTime, generate_private_key, public_hex
from evaluation.ledger.people import People
from evaluation.policies import Stage, Tier, Trigger, load_policy

STAGES = list(Stage)


TRIAGE = load_policy("triage")
KEY = generate_private_key()
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WHO = People()
WHO.take_in(
    Entry(
        1, BEGIN, "person_registered", "os.tester",
        {"person": "ada", "roles": ["clinical_safety_lead"], "public_key": public_hex(KEY), "proof": "0" * 128},
        "", "", "",
    )
)  # fmt: skip


class Operation(RuleBasedStateMachine):
    """A release in operation: triggers fire in any order, people break the glass, and time passes in leaps.

    Model: up only through the gate or a glass, one stage at a time above what was earned; a glass ends by its own time
    and leaves no more than stood before, than stands by now, and than approvals allow; triggers only lower.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN + timedelta(days=1)
        self.stage, self.tier = Stage.OFF, Tier.MODEL
        self.judged = Stage.OFF
        """The highest stage that was reached through the gate and not left again."""
        self.allowed = Stage.OFF
        """The highest stage for which approvals stand: given by a promotion, voided by people."""
        self.glass: datetime | None = None
        self.glasses: list[GlassTime] = []
        self.before = Stood(Stage.OFF, Tier.MODEL)

    @property
    def earned(self) -> Stage:
        return self.stage if self.glass is None else earned(self.stage, self.before.stage)

    @property
    def next(self) -> Stage:
        return STAGES[min(self.earned.rank + 1, len(STAGES) - 1)]

    @rule(stage=st.sampled_from(STAGES), has_evidence=st.booleans())
    def promote(self, stage: Stage, has_evidence: bool) -> None:
        if step_reasons(self.earned, stage, is_same=self.glass is None) or not has_evidence:
            return
        assert stage.rank <= self.judged.rank + 1, "the gate goes on from what it judged"
        self.stage, self.tier, self.judged, self.allowed, self.glass = stage, Tier.MODEL, stage, stage, None

    @rule()
    def promote_to_the_next_stage(self) -> None:
        self.promote(self.next, True)

    @rule(stage=st.sampled_from(STAGES))
    def approvals_are_voided(self, stage: Stage) -> None:
        self.allowed = min(self.allowed, stage, key=lambda one: one.rank)

    @rule()
    def every_approval_is_voided(self) -> None:
        self.allowed = Stage.OFF

    @rule(
        stage=st.sampled_from(STAGES),
        hours=st.floats(-1, 100),
        person=st.sampled_from(["ada", "nobody"]),
        signs=st.booleans(),
        reason=st.sampled_from(["", "now", "Forty are waiting and nobody can be asked."]),
        author=st.sampled_from(["ada", "mia"]),
    )
    def break_glass(self, stage: Stage, hours: float, person: str, signs: bool, reason: str, author: str) -> None:
        self._ask(stage, hours, person, signs, reason, author)

    @rule(hours=st.floats(1 / 60, TRIAGE.break_glass.at_most_hours))
    def break_glass_as_the_policy_has_it(self, hours: float) -> None:
        self._ask(self.next, hours, "ada", True, "Forty are waiting and nobody can be asked.", "mia")

    def _ask(self, stage: Stage, hours: float, person: str, signs: bool, reason: str, author: str) -> None:
        key, is_broken = public_hex(KEY) if signs else None, self.glass is not None
        asked = GlassAsked(person, key, reason, hours, self.earned, stage, author, self._stood(), is_broken)
        if why_not_broken(TRIAGE, WHO, asked, self.now):
            return
        assert not is_broken, "no glass upon a glass"
        assert (person, signs, author, stage.rank) == ("ada", True, "mia", self.stage.rank + 1)
        assert 0 < hours <= TRIAGE.break_glass.at_most_hours and len(reason) >= 15
        self.before, self.glasses = (
            Stood(self.stage, self.tier),
            [*self._stood(), GlassTime(self.now, asked.until(self.now))],
        )
        self.stage, self.tier, self.glass = stage, Tier.MODEL, asked.until(self.now)

    def _stood(self) -> tuple[GlassTime, ...]:
        return tuple(GlassTime(one.start, min(one.end, self.now)) for one in self.glasses)

    @rule(
        chosen=st.lists(st.sampled_from(TRIAGE.triggers), max_size=3),
        value=st.floats(0, 200) | st.none(),
        n=st.integers(0, 500),
    )
    def triggers(self, chosen: list[Trigger], value: float | None, n: int) -> None:
        fired = [one for one in chosen if would_lower(one, self.stage, self.tier) and breached(one, Reading(value, n))]
        stage, tier = lowered_by(fired, self.stage, self.tier)
        assert stage.rank <= self.stage.rank and tier.rank >= self.tier.rank
        assert fired or (stage, tier) == (self.stage, self.tier)
        assert not [one for one in fired if n < one.min_n]
        self.stage, self.tier = stage, tier
        self.judged = min(self.judged, stage, key=lambda one: one.rank)

    @rule(hours=st.sampled_from([0.0, 1.0, 13.0]) | st.floats(0, 60))
    def time_passes(self, hours: float) -> None:
        self.now += timedelta(hours=hours)
        if self.glass is not None and self.now >= self.glass:
            was = Stood(self.stage, self.tier)
            ended = after_glass(self.before, was, self.allowed)
            assert ended.stage.rank == min(self.before.stage.rank, was.stage.rank, self.allowed.rank)
            assert ended.tier.rank == max(self.before.tier.rank, was.tier.rank)
            self.stage, self.tier, self.glass = ended.stage, ended.tier, None
            self.judged = min(self.judged, ended.stage, key=lambda one: one.rank)

    @invariant()
    def what_was_not_judged_is_served_under_a_glass_that_has_time_left(self) -> None:
        if self.stage.rank > self.judged.rank:
            assert self.glass is not None and self.glass > self.now
            assert self.glass <= self.now + timedelta(hours=TRIAGE.break_glass.at_most_hours)

    @invariant()
    def no_seven_days_hold_more_hours_under_a_glass_than_the_policy_allows(self) -> None:
        for one in self.glasses:
            held = [each.within(one.end - timedelta(days=7), one.end) for each in self.glasses]
            assert sum(held, timedelta(0)) <= timedelta(hours=TRIAGE.break_glass.at_most_hours_in_7_days or 0)


TestOperation = Operation.TestCase
