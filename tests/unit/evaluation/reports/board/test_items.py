"""Checklists and readiness: ticked by what is on record, open where it speaks against, else NOT EVIDENCED."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from evaluation.reports.board import ItemsError, load_questions
from evaluation.reports.board.items import Item, TickedBy, answer, answers_document, readiness


def ask(facts, **ticked_by):
    return answer(Item(id="x", asks="Is it so?", ticked_by=TickedBy(**ticked_by), to_meet="Do it."), facts)


ANSWERS = {
    "evidence": ({"evidence": "drift"}, "ticked"),
    "evidence, young enough": ({"evidence": "drift", "at_most_days": 30}, "ticked"),
    "no evidence": ({"evidence": "parity"}, "not evidenced"),
    "figure reaches": ({"evidence": "drift", "figure": "drift.share", "at_most": 0.25}, "ticked"),
    "figure misses": ({"evidence": "drift", "figure": "drift.share", "at_most": 0.2499}, "open"),
    "bound misses": ({"evidence": "drift", "figure": "drift.max_effect", "bound": "upper", "at_most": 0.46}, "open"),
    "bound reaches": (
        {"evidence": "drift", "figure": "drift.max_effect", "bound": "lower", "at_least": 0.35},
        "ticked",
    ),
    "figure that is not there": ({"evidence": "drift", "figure": "drift.nothing", "at_most": 1}, "not evidenced"),
    "bound that is not there": ({"evidence": "drift", "figure": "drift.share", "bound": "upper"}, "not evidenced"),
    "approval that stands": ({"approval": "model"}, "ticked"),
    "approval that nobody gave": ({"approval": "training"}, "not evidenced"),
    "ledger": ({"ledger": "promotion"}, "ticked"),
    "ledger, too old": ({"ledger": "incident_opened", "at_most_days": 1}, "open"),
    "no such entry": ({"ledger": "rehearsal"}, "not evidenced"),
    "clause met": ({"clause": "auroc"}, "ticked"),
    "clause nobody asked": ({"clause": "nothing"}, "not evidenced"),
    "declared": ({"declared": "non_goals"}, "ticked"),
    "not declared": ({"declared": "upstream"}, "not evidenced"),
    "measured": ({"measured": "ledger.verified", "at_least": 1}, "ticked"),
    "measured against": ({"measured": "levels.missed", "at_most": 0}, "open"),
    "not measured": ({"measured": "feeds.late", "at_most": 0}, "not evidenced"),
}


@pytest.mark.parametrize(("ticked_by", "state"), ANSWERS.values(), ids=ANSWERS)
def test_an_item_is_answered_by_what_is_on_record(facts, ticked_by, state):
    found = ask(facts, **ticked_by)
    assert (found.state, bool(found.sources)) == (state, state != "not evidenced")
    assert (found.says == "NOT EVIDENCED") == (state == "not evidenced")


def test_evidence_that_is_too_old_does_not_tick(facts):
    later = replace(facts, generated_at=facts.generated_at + timedelta(days=31))
    assert ask(later, evidence="drift", at_most_days=30).state == "open"
    assert ask(later, evidence="drift", at_most_days=31).state == "ticked"


def test_an_approval_that_is_void_is_open_and_says_why(facts):
    void = replace(facts.approvals[0], until=None, void="names another model digest")
    found = ask(replace(facts, approvals=(void,)), approval="model")
    assert (found.state, "names another model digest" in found.says) == ("open", True)


def test_what_was_measured_but_lies_in_no_document_is_not_evidenced(facts):
    without = {role: one for role, one in facts.sources.items() if role != "ledger"}
    assert ask(replace(facts, sources=without), measured="ledger.verified", at_least=1).state == "not evidenced"


def test_what_would_meet_an_item_is_said_most_of_all_where_nothing_speaks_to_it(facts, bare):
    for one in (bare, facts):
        rows = [row for each in readiness(one).tables for row in each.rows]
        asked = {item.asks: item.to_meet for items in load_questions("readiness").parts.values() for item in items}
        for row in rows:
            answer, _, to_meet = row.cells
            assert to_meet.text == ("nothing" if answer.text == "ticked" else asked[row.label])


def test_a_rehearsal_is_never_asked_for_as_if_it_ran_on_the_real_service():
    items = [
        item for name in ("readiness", "checklists") for found in load_questions(name).parts.values() for item in found
    ]
    rehearsed = [item.asks for item in items if item.ticked_by.evidence == "rehearsal"]
    assert len(rehearsed) == 2 and all("in a sandbox" in one for one in rehearsed)


@pytest.mark.parametrize("wrong", [{}, {"evidence": "drift", "ledger": "promotion"}, {"ledger": "x", "figure": "y"}])
def test_an_item_names_exactly_one_answer(wrong):
    with pytest.raises(ValidationError):
        TickedBy(**wrong)


@pytest.mark.parametrize("name", ["checklists", "readiness"])
def test_the_houses_own_questions_are_complete_where_nothing_is_open(facts, bare, name):
    parts = load_questions(name).parts
    assert set(parts) in ({"before", "during", "after"}, {"data", "infrastructure", "staff", "governance"})
    nothing = answers_document(name, bare)
    assert not nothing["complete"]
    assert {one["state"] for found in nothing["parts"].values() for one in found} == {"not evidenced"}
    some = answers_document(name, facts)
    assert {"ticked", "not evidenced"} <= {one["state"] for found in some["parts"].values() for one in found}


def test_a_file_that_breaks_the_form_is_refused_by_name_and_place(tmp_path):
    (tmp_path / "readiness.yaml").write_text("schema: pilothouse.questions/1\ntitle: x\n")
    with pytest.raises(ItemsError, match=r"readiness\.yaml: owner"):
        load_questions("readiness", tmp_path)
