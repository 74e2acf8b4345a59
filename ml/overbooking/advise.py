"""The extra bookings that cost least, inside limits that are never crossed; and what they come to, beside none at all.

Here belong the search and what an advice says. How people flow is `flow.py`, which limits hold is `rules.py`. An extra
booking goes to whoever asks next, so their risk is the usual one and not anybody's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor

from ml.overbooking.flow import Expected, Simulated, Turn, expected, overtime_if_all_come, simulate
from ml.overbooking.rules import Limit, Rules
from ml.overbooking.session import Basis, Session

EXHAUSTIVE = 400
"""Up to so many choices every one is compared; beyond, the best is looked for step by step."""
SIMULATED_SESSIONS = 4000
SMALLEST_GAIN = 1e-9
ROUNDING = 1e-9

Extra = tuple[int, ...]


@dataclass(frozen=True)
class Course:
    """What a session comes to with some extra bookings: expectations are exact, the spread is simulated."""

    booked: int
    cost: float
    expected: Expected
    simulated: Simulated


@dataclass(frozen=True)
class Advice:
    """The advice for one session. `extra`: by slot. `why_none` says why nothing is advised; None where something is.

    `without` and `advised` are None where nobody is booked, or where a risk is not known.
    """

    session: Session
    basis: Basis
    extra: Extra
    method: str
    limits: Mapping[str, Limit]
    without: Course | None
    advised: Course | None
    why_none: str | None


def advise(session: Session, rules: Rules, basis: Basis, *, seed: int) -> Advice:
    """Advise extra bookings for one session. Without a sound basis, or a full session, none; and it says why."""
    limits = rules.of_session(session)
    none = tuple(0 for _ in session.slots)
    why_none = _why_none(session, limits, basis)
    if any(one.risk is None for one in session.booked) or not session.booked:
        return Advice(session, basis, none, "none", limits, None, None, why_none)
    search = Search(session, rules, limits)
    without = search.course(none, seed)
    if why_none is not None:
        return Advice(session, basis, none, "none", limits, without, without, why_none)
    extra, method = search.best()
    if not any(extra):
        found = search.why_nothing_fits() or "an extra booking would cost more waiting and overtime than it saves"
        return Advice(session, basis, none, method, limits, without, without, found)
    return Advice(session, basis, extra, method, limits, without, search.course(extra, seed), None)


def _why_none(session: Session, limits: Mapping[str, Limit], basis: Basis) -> str | None:
    if not session.booked:
        return "nobody is booked; there is nothing to overbook"
    if basis.why_none is not None:
        return basis.why_none
    if unknown := sum(one.risk is None for one in session.booked):
        return f"{unknown} of {len(session.booked)} booked have no known risk"
    least = limits["least_decided"]
    if basis.decided is not None and basis.decided < least.value:
        return (
            f"{basis.decided} appointments with a known outcome; {least.rule} asks for {least.value:.0f} before "
            "anybody is booked twice"
        )
    if session.free_slots:
        return f"{session.free_slots} of {len(session.slots)} slots are free; book those first"
    return None


class Search:
    """All choices of extra bookings for one session whose risks are known."""

    def __init__(self, session: Session, rules: Rules, limits: Mapping[str, Limit]) -> None:
        self.session, self.rules, self.limits = session, rules, limits
        risks = [float(one.risk or 0.0) for one in session.booked]
        self.mean_risk = sum(risks) / len(risks) if risks else 0.0
        self.usual_risk = self.mean_risk if session.usual_risk is None else session.usual_risk
        self._costs: dict[Extra, float] = {}

    @cached_property
    def most_in_slot(self) -> Extra:
        """Extra bookings that each slot has room for."""
        most = floor(self.limits["most_at_once"].value + ROUNDING)
        return tuple(max(0, most - len(slot.booked)) if slot.may_overbook else 0 for slot in self.session.slots)

    @cached_property
    def most_extra(self) -> int:
        """Extra bookings that the whole session has room for, beside those that it has already."""
        share = floor(self.limits["most_extra_share"].value * len(self.session.slots) + ROUNDING)
        left = share - self.session.extra_already
        return max(0, min(left, floor(self.limits["most_booked"].value) - len(self.session.booked)))

    def turns(self, extra: Extra, *, by_session: bool = False) -> list[Turn]:
        """The flow's view; `by_session` gives everybody who is booked the session's mean risk."""
        return [
            Turn(
                slot.offset,
                slot.minutes,
                (
                    *(1 - (self.mean_risk if by_session else float(one.risk or 0.0)) for one in slot.booked),
                    *([1 - self.usual_risk] * more),
                ),
            )
            for slot, more in zip(self.session.slots, extra, strict=True)
        ]

    def is_allowed(self, extra: Extra) -> bool:
        """Whether extra bookings keep every limit. None at all always does, however the session was booked."""
        if not any(extra):
            return True
        if sum(extra) > self.most_extra or any(n > most for n, most in zip(extra, self.most_in_slot, strict=True)):
            return False
        turns = self.turns(extra)
        if overtime_if_all_come(turns, self.session.minutes) > self.limits["most_overtime_minutes"].value:
            return False
        return self._flow(turns).waiting_each <= self.limits["most_mean_wait_minutes"].value + ROUNDING

    def why_nothing_fits(self) -> str | None:
        """Which limit leaves no room for a single extra booking; None where one would fit."""
        if self.most_extra == 0:
            own = self.limits["most_booked"]
            is_full = len(self.session.booked) >= own.value
            limit = own if is_full else self.limits["most_extra_share"]
            return f"{limit.rule} leaves no room for another booking (limit {limit.value:g})"
        if not any(self.most_in_slot):
            limit = self.limits["most_at_once"]
            return f"{limit.rule} leaves no room in any slot (at most {limit.value:g} at once)"
        if not any(self.is_allowed(one) for one in self._singles()):
            return "any extra booking would break the limit of overtime, were everybody to come, or of waiting"
        return None

    def cost(self, extra: Extra) -> float:
        """Expected cost by which choices are compared, as the rule of placement sees the risks."""
        if extra not in self._costs:
            by_session = self.rules.placement == "by_session"
            self._costs[extra] = self.priced(self._flow(self.turns(extra, by_session=by_session)))
        return self._costs[extra]

    def priced(self, flow: Expected) -> float:
        """What expected waiting, idling and overtime cost together."""
        waiting, idle = self.rules.cost("waiting") * flow.waiting, self.rules.cost("idle") * flow.idle
        return waiting + idle + self.rules.cost("overtime") * flow.overtime.mean

    def best(self) -> tuple[Extra, str]:
        """The cheapest choice that keeps every limit, and how it was found."""
        few = [one for one, _ in zip(self.choices(), range(EXHAUSTIVE + 1), strict=False)]
        if len(few) <= EXHAUSTIVE:
            return self._cheapest(few), "every choice compared"
        return self.step_by_step(), "step by step: the best of adding, taking away and moving one"

    def choices(self) -> Iterator[Extra]:
        """Every choice inside the room's and the session's numbers; other limits are looked at one by one."""
        yield from _vectors(self.most_in_slot, self.most_extra)

    def step_by_step(self) -> Extra:
        """Local search from none: ends where no single step costs less."""
        best = tuple(0 for _ in self.session.slots)
        while True:
            found = self._cheapest([best, *self._neighbours(best)])
            if self.cost(found) >= self.cost(best) - SMALLEST_GAIN:
                return best
            best = found

    def course(self, extra: Extra, seed: int) -> Course:
        """What the session comes to with these extra bookings, everybody with their own risk."""
        turns, minutes, shares = self.turns(extra), self.session.minutes, self.rules.service_shares
        flow = self._flow(turns)
        spread = simulate(turns, minutes, shares, seed=seed, sessions=SIMULATED_SESSIONS)
        return Course(len(self.session.booked) + sum(extra), self.priced(flow), flow, spread)

    def _flow(self, turns: Sequence[Turn]) -> Expected:
        return expected(turns, self.session.minutes, self.rules.service_shares)

    def _cheapest(self, choices: Sequence[Extra]) -> Extra:
        """The cheapest; of equals the one with the fewest extra bookings, then the latest in the session."""
        ordered = sorted(choices, key=lambda one: (round(self.cost(one), 9), sum(one), one))
        return next(one for one in ordered if self.is_allowed(one))

    def _singles(self) -> Iterator[Extra]:
        none = tuple(0 for _ in self.session.slots)
        yield from (_moved(none, None, place) for place, most in enumerate(self.most_in_slot) if most)

    def _neighbours(self, extra: Extra) -> Iterator[Extra]:
        places = range(len(extra))
        taken = [place for place in places if extra[place]]
        free = [place for place in places if extra[place] < self.most_in_slot[place]]
        if sum(extra) < self.most_extra:
            yield from (_moved(extra, None, to) for to in free)
        yield from (_moved(extra, place, None) for place in taken)
        yield from (_moved(extra, place, to) for place in taken for to in free if to != place)


def _moved(extra: Extra, away: int | None, to: int | None) -> Extra:
    return tuple(n - (place == away) + (place == to) for place, n in enumerate(extra))


def _vectors(most: Extra, total: int) -> Iterator[Extra]:
    if not most:
        yield ()
        return
    for first in range(min(most[0], total) + 1):
        yield from ((first, *rest) for rest in _vectors(most[1:], total - first))
