"""Change control in the pack: every plan and step on its own entries, the rules on the calendar."""

from dataclasses import replace
from datetime import timedelta

from evaluation.calendar import Changes, Planned, Span, Step
from evaluation.evidence import Subject
from evaluation.policies import Stage
from evaluation.reports.board import RuleFact, Source
from evaluation.reports.board.changes import changes

SUBJECT = Subject("1" * 64, "2" * 64, "3" * 64, "4" * 64, "5" * 64)
CALENDAR = Source.of("calendar", "Release calendar 1.0.0", {"version": "1.0.0"})
RULE = RuleFact("freeze", "EHR upgrade", "2026-12-05 00:00 until 2026-12-07 00:00", "assistive", "It is down.")


def planned(at, **told):
    span = Span(at - timedelta(hours=2), at)
    plan = Planned("change-1", "triage", "city", Stage.SHADOW, span, "go live", SUBJECT, at, "ada", "none", 1)
    return replace(plan, **told)


def rows(section):
    return {row.label: row for table in section.tables for row in table.rows}


def test_a_plan_that_was_missed_and_a_step_without_a_plan_stand_on_their_entries(facts):
    step = Step(3, facts.generated_at, "promotion", "triage", "city", Stage.SHADOW, "noor", "", "a" * 64)
    made = replace(facts, changes=Changes((planned(facts.generated_at),), (step,)))
    found = rows(changes(made))
    plan, done = found["change-1"], found["Promoted"]
    assert (plan.cells[2].text, plan.cells[2].tone) == ("missed", "bad")
    assert [one.stem for one in plan.sources] == ["ledger-1"] and [one.stem for one in done.sources] == ["ledger-3"]
    assert (done.cells[2].text, done.cells[3].text) == ("unplanned", "noor: by the gate")


def test_a_plan_that_was_kept_cites_the_step_as_well(facts):
    made = replace(facts, changes=Changes((planned(facts.generated_at, done_by=3),)))
    plan = rows(changes(made))["change-1"]
    assert plan.cells[2].text == "done" and [one.stem for one in plan.sources] == ["ledger-1", "ledger-3"]


def test_a_glass_that_went_past_the_calendar_says_so(facts):
    told = ("break_glass", "triage", "city", Stage.SHADOW, "ada", "a surge", "a" * 64, None, ("a freeze",))
    made = replace(facts, changes=Changes((), (Step(3, facts.generated_at, *told),)))
    how = rows(changes(made))["Break-glass"].cells[2]
    assert (how.text, how.tone) == ("past the calendar: a freeze", "bad")


def test_the_rules_stand_on_the_calendar_and_are_not_evidenced_without_it(facts):
    assert changes(facts).tables == () and "cannot be read" in changes(facts).absent
    made = replace(facts, sources={**facts.sources, "calendar": CALENDAR})
    assert rows(changes(made))["Freezes and windows"].cells[0].text == "none"
    ruled = rows(changes(replace(made, rules=(RULE,))))["EHR upgrade"]
    assert ruled.sources == (CALENDAR,) and ruled.cells[1].text == RULE.when


def test_a_challenger_is_told_as_one(facts):
    plan = replace(planned(facts.generated_at), stage=Stage.SHADOW, is_challenger=True)
    step = Step(3, facts.generated_at, "challenger", "triage", "city", Stage.SHADOW, "olga", "", "a" * 64)
    found = rows(changes(replace(facts, changes=Changes((plan,), (step,)))))
    assert found["change-1"].cells[0].text == "Shadow, challenger"
    assert "Challenger put beside" in found
