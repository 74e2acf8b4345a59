"""Column generation: one person's cheapest schedule is what trying all of them finds; its bound is one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.rostering import solve
from ml.rostering.columns import Columns
from ml.rostering.nrp24 import parse_nrp24
from ml.rostering.pricing import Pricer
from ml.rostering.profiles import profiles_of
from ml.rostering.rules import clauses_of
from tests.unit.ml.rostering.nrp24_judge import judge

DAYS = 7
COVER = "\n".join(f"{day},{shift},1,10,2" for day in range(DAYS) for shift in "EL")


def written(contract: str, cover: str = COVER) -> str:
    return (
        f"SECTION_HORIZON\n{DAYS}\nSECTION_SHIFTS\nE,480,\nL,480,E\nSECTION_STAFF\n{contract}\n"
        f"SECTION_DAYS_OFF\nA,1\nSECTION_SHIFT_ON_REQUESTS\nA,3,L,4\nSECTION_SHIFT_OFF_REQUESTS\nA,4,E,3\n"
        f"SECTION_COVER\n{cover}\n"
    )


@settings(max_examples=12, deadline=None)
@given(
    most=st.integers(2, 6),
    least=st.integers(0, 2),
    run=st.integers(1, 4),
    shortest=st.integers(1, 3),
    off=st.integers(1, 3),
    weekends=st.integers(0, 1),
    late=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_the_cheapest_schedule_is_the_one_that_trying_all_of_them_finds(
    most: int, least: int, run: int, shortest: int, off: int, weekends: int, late: int, seed: int
) -> None:
    text = written(
        f"A,E=7|L={late},{480 * most},{480 * least},{run},{shortest},{off},{weekends}", "0,E,0,0,0\n0,L,0,0,0"
    )
    problem = parse_nrp24(text, "one.txt")
    profiles = profiles_of(problem, clauses_of(problem))
    assert profiles is not None
    prices = np.random.default_rng(seed).integers(-9, 9, (DAYS, 2)).astype(float)
    cheapest, schedule = Pricer(profiles[0]).cheapest(prices)
    values: list[float] = []
    for tried in product((-1, 0, 1), repeat=DAYS):
        cost, wrong = judge(text, "\t".join("" if one < 0 else "EL"[one] for one in tried) + "\n")
        if not wrong:
            values.append(cost - sum(prices[day, one] for day, one in enumerate(tried) if one >= 0))
    assert cheapest == pytest.approx(min(values, default=np.inf))
    assert len(schedule) == (DAYS if values else 0)


def test_the_bound_of_mixed_schedules_is_below_every_roster_and_close_to_the_best() -> None:
    staff = "\n".join(f"{name},E=7|L=7,2400,1440,4,2,2,1" for name in "ABCD")
    text = written(staff)
    problem = parse_nrp24(text, "four.txt")
    profiles = profiles_of(problem, clauses_of(problem))
    assert profiles is not None
    columns = Columns(problem, profiles, 1)
    columns.generate(float("inf"))
    answer = solve(problem, 10)
    assert answer.status == "optimal"
    assert 0.8 * (answer.objective or 0) <= columns.bound <= (answer.objective or 0) + 1e-6


def test_what_may_follow_no_history_binds_no_first_day() -> None:
    text = written("A,E=7|D=7|L=7,2400,480,5,1,1,1").replace("L,480,E\n", "D,480,E\nL,480,E|D\n")
    problem = parse_nrp24(text.replace("0,E,1", "0,D,1,10,2\n0,E,1"), "three.txt")
    profiles = profiles_of(problem, clauses_of(problem))
    assert profiles is not None
    names = [duty.shift for duty in problem.duties]
    never = {(a, b) for n, a in enumerate(names) for m, b in enumerate(names) if profiles[0].never[n, m]}
    assert never == {("D", "E"), ("L", "E"), ("L", "D")}


def test_a_person_whose_contract_nothing_meets_is_explained_and_not_solved() -> None:
    problem = parse_nrp24(written("A,E=7|L=7,3840,3840,2,1,1,1"), "impossible.txt")
    answer = solve(problem, 10)
    assert (answer.status, answer.roster) == ("infeasible", None)
    assert {"total minutes"} <= {one.rule for one in answer.conflict}
