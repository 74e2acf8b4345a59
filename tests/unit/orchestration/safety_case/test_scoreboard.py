"""The scoreboard cannot lie: what was missed is told and ends in exit code 1; a blind spot counts as not detected."""

from dataclasses import replace

from orchestration.safety_case.faults import Alarm, Barrier, Fault, Outcome, verdict
from orchestration.safety_case.running import scoreboard

FAULT = Fault(
    id="forged", family="learning", title="Forged", done="It is forged.", barrier=Barrier.GATE, alarm=("evidence",)
)
BLIND = replace(FAULT, id="blind", blind="Nothing compares them.")
FOUND = Outcome((Alarm(Barrier.GATE, "evidence", "it is not readable", 0.5),))


def board(*lines: dict) -> tuple[int, dict]:
    answer = scoreboard(list(lines), [], 1.0)
    return answer.exit_code, answer.document


def test_a_promised_fault_that_was_missed_ends_in_exit_code_1_and_is_named() -> None:
    code, document = board(verdict(FAULT, Outcome(), Outcome()))
    assert (code, document["detected"], document["missed"], document["blind_spots"]) == (1, 0, ["forged"], [])


def test_a_known_blind_spot_counts_as_not_detected_and_breaks_no_promise() -> None:
    code, document = board(verdict(FAULT, FOUND, Outcome()), verdict(BLIND, Outcome(), Outcome()))
    assert (code, document["detected"], document["missed"], document["blind_spots"]) == (0, 1, [], ["blind"])


def test_people_read_every_line_uncut_and_that_it_is_simulated() -> None:
    text = scoreboard([verdict(FAULT, FOUND, Outcome()), verdict(BLIND, Outcome(), Outcome())], [], 1.0).text
    assert text is not None
    assert "it is not readable" in text and "Nothing compares them." in text and "blind spot" in text
    assert "no clinical claim" in text
