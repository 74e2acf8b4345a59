"""The advice: never above a limit, the cheapest of all choices, and none where the ground is not firm."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.overbooking import Basis, Booking, Session
from ml.overbooking.advise import Search, advise
from ml.overbooking.documents import advice_document
from ml.overbooking.flow import overtime_if_all_come
from ml.overbooking.rules import Rules, standard_rules
from tests.unit.ml.overbooking.sessions import session
from tests.unit.ml.overbooking.test_flow import written_out as _written_out

FIRM = Basis("given")
RISK = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])


def rules(**values: object) -> Rules:
    """The standard rules for every clinic, with some values changed."""
    general = [one for one in standard_rules().rules if not one.clinics]
    return Rules(tuple(one.model_copy(update={"value": values.get(one.kind, one.value)}) for one in general))


SESSIONS = st.builds(
    session,
    st.lists(st.lists(RISK, min_size=0, max_size=3), min_size=1, max_size=10),
    at_once=st.integers(1, 3),
    booked=st.integers(1, 12),
    overtime=st.integers(0, 60),
    usual=st.one_of(st.none(), RISK),
)


@settings(max_examples=60)
@given(SESSIONS, st.floats(0, 1), st.floats(0, 40), st.sampled_from(["by_session", "by_slot"]))
def test_no_advice_is_ever_above_a_limit(one: Session, share: float, wait: float, placement: str):
    chosen = rules(most_extra_share=share, most_mean_wait_minutes=wait, placement=placement, cost_idle=20.0)
    advice = advise(one, chosen, FIRM, seed=1)
    extra, total = advice.extra, sum(advice.extra)
    assert (advice.why_none is None) == (total > 0)
    if total:
        assert advice.advised is not None and advice.without is not None
        assert len(one.booked) + total <= one.clinician.most_booked
        assert total + len(one.booked) - len(one.slots) <= share * len(one.slots), "doubled slots count, whoever did it"
        for slot, more in zip(one.slots, extra, strict=True):
            assert more == 0 or len(slot.booked) + more <= min(one.room.most_at_once, 2)
        turns = Search(one, chosen, advice.limits).turns(extra)
        assert overtime_if_all_come(turns, one.minutes) <= one.clinician.most_overtime_minutes
        assert advice.advised.expected.waiting_each <= wait + 1e-6
        assert one.free_slots == 0


@settings(max_examples=25)
@given(st.lists(st.lists(RISK, min_size=1, max_size=1), min_size=1, max_size=3), st.sampled_from([0.0, 2.0, 8.0, 30.0]))
def test_the_advice_is_the_cheapest_of_all_choices_written_out(risks: list[list[float]], idle: float):
    """Costs by writing out every course of every choice: nothing of the package but the turns."""
    one = session(risks, usual=0.2)
    chosen = rules(
        most_extra_share=1.0, most_mean_wait_minutes=1e6, cost_idle=idle, placement="by_slot",
        service_shares={0.5: 0.3, 1.0: 0.5, 1.5: 0.2},
    )  # fmt: skip
    search = Search(one, chosen, chosen.of_session(one))

    def cost(extra: tuple[int, ...]) -> float:
        waiting, idling, overtime, _ = _written_out(search.turns(extra), one.minutes)
        return waiting + idle * idling + 6 * overtime

    found = search.best()[0]
    assert cost(found) == pytest.approx(min(cost(extra) for extra in product((0, 1), repeat=len(risks))), abs=1e-6)


@settings(max_examples=25)
@given(st.lists(st.lists(RISK, min_size=1, max_size=1), min_size=2, max_size=7), st.sampled_from([2.0, 5.0, 15.0]))
def test_step_by_step_finds_what_comparing_every_choice_finds(risks: list[list[float]], idle: float):
    one = session(risks)
    chosen = rules(most_extra_share=0.5, most_mean_wait_minutes=1e6, cost_idle=idle, placement="by_slot")
    search = Search(one, chosen, chosen.of_session(one))
    every = min(search.cost(extra) for extra in search.choices() if search.is_allowed(extra))
    assert search.cost(search.step_by_step()) <= every * 1.01 + 1e-6


def test_a_long_session_is_searched_step_by_step_and_says_so():
    advice = advise(session([[0.3]] * 24), rules(most_extra_share=0.25, cost_idle=10.0), FIRM, seed=1)
    assert advice.method.startswith("step by step") and sum(advice.extra) >= 2


def test_idle_time_that_costs_nothing_is_no_reason_to_overbook():
    advice = advise(session([[0.5]] * 6), rules(cost_idle=0.0), FIRM, seed=1)
    assert advice.extra == (0,) * 6 and "cost more" in str(advice.why_none)


def test_a_higher_risk_for_everybody_never_advises_fewer():
    found = [sum(advise(session([[r]] * 8, usual=0.2), rules(), FIRM, seed=1).extra) for r in (0, 0.1, 0.25, 0.4, 0.6)]
    assert found == sorted(found) and found[0] == 0 and found[-1] == 2


def test_where_an_extra_booking_goes_does_not_depend_on_whose_risk_is_high():
    risks = [[0.05], [0.05], [0.8], [0.05], [0.05], [0.8], [0.05], [0.8]]
    other = [[0.8], [0.05], [0.05], [0.8], [0.05], [0.05], [0.8], [0.05]]
    assert advise(session(risks), rules(), FIRM, seed=1).extra == advise(session(other), rules(), FIRM, seed=1).extra


@pytest.mark.parametrize(
    ("one", "basis", "why"),
    [
        (session([[], []]), FIRM, "nobody is booked"),
        (session([[0.4], []]), FIRM, "1 of 2 slots are free"),
        (session([[0.4]] * 8), Basis("model", decided=199), "199 appointments with a known outcome; enough-history"),
        (session([[0.4]] * 8), Basis("model", why_none="the model is off"), "the model is off"),
        (session([[0.4]] * 8, booked=8), FIRM, "clinician C1 leaves no room"),
        (session([[0.4]] * 8, at_once=1), FIRM, "room R1 leaves no room in any slot"),
        (session([[0.4]] * 8, clinic="PSY"), FIRM, "mental-health-never leaves no room in any slot"),
        (session([[0.4]] * 3), FIRM, "a-quarter-more leaves no room"),
        (session([[0.4]] * 8, overtime=0), FIRM, "limit of overtime"),
        (session([[0.4, 0.4]] * 2 + [[0.4]] * 6), FIRM, "a-quarter-more leaves no room"),
    ],
)
def test_no_overbooking_says_why(one: Session, basis: Basis, why: str):
    advice = advise(one, standard_rules(), basis, seed=1)
    assert why in str(advice.why_none) and sum(advice.extra) == 0
    assert advice.without == advice.advised


def test_a_session_that_is_booked_above_its_limits_already_gets_no_more():
    advice = advise(session([[0.4, 0.4, 0.4]] * 8, booked=5), standard_rules(), FIRM, seed=1)
    assert sum(advice.extra) == 0 and advice.why_none


def test_a_slot_that_is_doubled_already_leaves_room_for_one_fewer():
    """A quarter of eight slots is two: with one doubled by hand, one more is advised and not two."""
    alone, beside = session([[0.4]] * 8), session([[0.4, 0.4]] + [[0.4]] * 7)
    assert [sum(advise(one, standard_rules(), FIRM, seed=1).extra) for one in (alone, beside)] == [2, 1]


def test_somebody_whose_risk_is_not_known_means_no_overbooking_and_no_figures():
    one = session([[0.4]] * 8)
    unknown = one.with_risks({})
    assert unknown == one
    asked = Session(**{**vars(one), "slots": tuple(_asking(slot) for slot in one.slots)})
    advice = advise(asked.with_risks({"A": 0.3}), standard_rules(), FIRM, seed=1)
    assert "8 of 8 booked have no known risk" in str(advice.why_none) and advice.without is None


def _asking(slot):
    return type(slot)(slot.starts_at, slot.offset, slot.minutes, (Booking(appointment="B"),))


def test_the_document_names_limits_basis_and_what_it_comes_to_beside_none():
    advice = advise(session([[0.4]] * 8), standard_rules(), Basis("model", 900, release="a" * 64), seed=1)
    told = advice_document("city", [advice])
    [one] = told["sessions"]
    assert one["extra"] == told["extra"] == sum(slot["extra"] for slot in one["slots_with_extra"]) > 0
    assert one["advised"]["idle_minutes"]["expected"] < one["without"]["idle_minutes"]["expected"]
    assert one["advised"]["waiting_minutes_each"]["expected"] > one["without"]["waiting_minutes_each"]["expected"]
    assert {limit["kind"] for limit in one["limits"]} >= {"most_at_once", "most_booked", "most_overtime_minutes"}
    assert all(limit["rule"] and limit["source"] and limit["owner"] for limit in one["limits"])
    assert "Never a reason to deny" in told["not_for"]


def test_a_clinic_can_only_tighten_a_limit():
    psy, gim = (standard_rules().limit("most_at_once", clinic).value for clinic in ("PSY", "GIM"))
    looser = standard_rules().rules[1].model_copy(update={"name": "looser", "value": 9.0, "clinics": ("GIM",)})
    assert (psy, gim) == (1, 2)
    assert Rules((*standard_rules().rules, looser)).limit("most_at_once", "GIM").value == 2
