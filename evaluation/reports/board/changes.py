"""Change control in the pack: what of the calendar holds here, what was planned, and which steps were.

Here belongs what is claimed. Freezes and plans are judged by the gate; how a calendar is drawn is in ``reports``.
"""

from evaluation.calendar import Planned, Step
from evaluation.reports import words
from evaluation.reports.board.claims import Cell, Row, Section, Tone, claim, table
from evaluation.reports.board.facts import BoardFacts, Source

TONES: dict[str, Tone] = {"missed": "bad", "done": "good", "open": "good", "planned": "warn"}
STEPS = {
    "promotion": "Promoted",
    "challenger": "Challenger put beside",
    "break_glass": "Break-glass",
    "rollback": "Rolled back",
}


def changes(facts: BoardFacts) -> Section:
    """Every plan with what came of it, every step with its plan or without, and the rules that hold for the place."""
    plans = [_plan(facts, one) for one in reversed(facts.changes.planned)]
    steps = [_step(facts, one) for one in reversed(facts.changes.steps)]
    on = facts.source("calendar")
    rules = [claim(one.title, one.kind, one.when, one.holds, one.rationale, on=on) for one in facts.rules]
    if on and not rules:
        rules = [claim("Freezes and windows", "none", "any time is open", "this use case here", "", on=on)]
    tables = [
        table(("Planned change", "To", "Window (UTC)", "What came of it", "By and why"), plans) if plans else None,
        table(("Step taken", "To", "When", "Planned", "By and why"), steps) if steps else None,
        table(("Calendar", "Kind", "When, by the site's clock", "Holds for", "Why"), rules) if rules else None,
    ]
    absent = "the calendar cannot be read, and every promotion waits for it."
    return Section("changes", "Change control", tuple(one for one in tables if one), absent=absent)


def _on(facts: BoardFacts, *numbers: int | None) -> tuple[Source, ...]:
    return tuple(one.source for one in facts.entries if one.seq in numbers)


def _plan(facts: BoardFacts, one: Planned) -> Row:
    outcome = one.outcome(facts.generated_at)
    window = f"{words.moment(one.span.start)} to {words.moment(one.span.end)}"
    to, why = words.STAGE_TITLES[one.stage.value] + ", challenger" * one.is_challenger, f"{one.by}: {one.reason}"
    return claim(
        one.change, to, window, Cell(outcome, TONES.get(outcome, "")), why, on=_on(facts, one.seq, one.done_by)
    )


def _step(facts: BoardFacts, one: Step) -> Row:
    how = Cell(one.change or "unplanned", "good" if one.change else "warn")
    if one.past:
        how = Cell(f"past the calendar: {'; '.join(one.past)}", "bad")
    why = f"{one.by}: {one.reason or 'by the gate'}"
    return claim(
        STEPS[one.kind], words.STAGE_TITLES[one.stage.value], words.moment(one.at), how, why, on=_on(facts, one.seq)
    )
