"""The benchmark's format: read exactly, refused with the line, solved to what an independent judge counts."""

from pathlib import Path

import pytest

from ml.rostering import ProblemNotUnderstood, solve
from ml.rostering.documents import solution_text
from ml.rostering.nrp24 import parse_nrp24, read_nrp24
from tests.unit.ml.rostering.nrp24_judge import judge

BEST_KNOWN = {1: 607, 2: 828, 3: 1001, 4: 1716, 5: 1143}
"""schedulingbenchmarks.org, "best known solutions"; all five are proven to be the best there are."""

SMALL = """\
# two nurses, one week
SECTION_HORIZON
7

SECTION_SHIFTS
E,480,
L,480,E

SECTION_STAFF
A,E=7|L=7,2400,960,5,2,2,1
B,E=7|L=0,2400,960,5,2,2,1

SECTION_DAYS_OFF
A,0

SECTION_SHIFT_ON_REQUESTS
B,2,E,3

SECTION_SHIFT_OFF_REQUESTS
A,4,L,2

SECTION_COVER
2,E,1,100,1
4,L,1,100,1
"""


@pytest.mark.shared_data
@pytest.mark.parametrize(("number", "seconds"), [(3, 3), (5, 4)])
def test_an_instance_is_solved_to_what_the_independent_judge_counts(
    shared_data: Path, number: int, seconds: float
) -> None:
    file = shared_data / "nurse_rostering" / "nrp24" / f"Instance{number}.txt"
    problem = read_nrp24(file)
    answer = solve(problem, seconds)
    assert answer.roster is not None
    assert judge(file.read_text(), solution_text(problem, answer.roster)) == (answer.objective, [])
    assert answer.bound <= BEST_KNOWN[number] <= (answer.objective or 0)
    assert sum(one.cost for one in answer.gave_way) == answer.objective
    assert answer.hard_violations == ()


@pytest.mark.shared_data
@pytest.mark.parametrize("number", [1, 4])
def test_an_instance_is_solved_to_its_proven_best(shared_data: Path, number: int) -> None:
    answer = solve(read_nrp24(shared_data / "nurse_rostering" / "nrp24" / f"Instance{number}.txt"), 60)
    assert (answer.status, answer.objective, answer.bound) == ("optimal", BEST_KNOWN[number], BEST_KNOWN[number])


def test_a_small_problem_is_solved_and_judged_alike() -> None:
    problem = parse_nrp24(SMALL, "small.txt")
    answer = solve(problem, 10)
    assert answer.roster is not None
    assert answer.status == "optimal"
    assert judge(SMALL, solution_text(problem, answer.roster)) == (answer.objective, [])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2,E,1,100,1", "2,X,1,100,1", r"small.txt, line 23: unknown shift 'X'; the shifts are E, L"),
        ("2,E,1,100,1", "2,E,-1,100,1", r"line 23: the requirement .* is -1; expected 0"),
        ("2,E,1,100,1", "9,E,1,100,1", r"line 23: the day is 9; expected 0 to 6"),
        ("2,E,1,100,1", "2,E,1,100", r"line 23: 4 fields; expected 5: Day, ShiftID"),
        ("B,2,E,3", "Z,2,E,3", r"line 17: unknown employee 'Z'"),
        ("L,480,E", "L,480,N", r"line 7: unknown shift 'N'"),
        ("B,E=7|L=0", "A,E=7|L=0", r"line 11: employee 'A' stands twice"),
        ("A,E=7|L=7,2400,960", "A,E=7|L=7,960,2400", r"line 10: MinTotalMinutes 2400 is above"),
        ("4,L,1,100,1", "2,E,1,100,1", r"line 24: the cover of E on day 2 stands twice"),
        ("SECTION_COVER", "SECTION_COVERS", r"line 22: SECTION_COVERS is no section"),
        ("\n7\n", "\nseven\n", r"line 3: the horizon is 'seven'; expected a whole number"),
        ("\n7\n", "\n0\n", r"line 3: the horizon is 0; expected 1 to 400"),
    ],
)
def test_a_wrong_line_is_named_with_what_was_expected(old: str, new: str, said: str) -> None:
    with pytest.raises(ProblemNotUnderstood, match=said):
        parse_nrp24(SMALL.replace(old, new, 1), "small.txt")


@pytest.mark.parametrize("text", ["", "SECTION_HORIZON\n7\n", SMALL.replace("A,E=7", "#").replace("B,E=7", "#")])
def test_a_problem_that_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(ProblemNotUnderstood, match="a problem needs days, shifts and staff"):
        parse_nrp24(text, "empty.txt")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "binary.txt"
    file.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ProblemNotUnderstood, match=r"binary.txt: byte 0 is not UTF-8"):
        read_nrp24(file)
