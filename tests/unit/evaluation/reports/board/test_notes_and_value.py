"""Release notes by digest, and value as ranges whose factors evidence replaces."""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evaluation.evidence import Figure
from evaluation.reports.board import AssumptionsError, board_pack, load_value
from evaluation.reports.board.notes import notes_document
from evaluation.reports.board.value import FOLDER, factors, horizon, money, value_document
from ml.usecases import use_case_names


def test_notes_name_each_digest_that_changed_and_no_other(facts):
    notes = notes_document(facts)
    assert notes["changed"] == ["model", "intended_use", "features"]
    first = notes_document(replace(facts, sources={k: v for k, v in facts.sources.items() if k != "previous_release"}))
    assert set(first["changed"]) == set(first["now"]) and first["before"] == {}


def test_a_release_answers_only_what_somebody_signed_that_it_answers(facts):
    found = {one["name"]: one for one in notes_document(facts)["feedback"]}
    assert found["does-not-fit"] == {"name": "does-not-fit", "count": 500, "answered_by": ["model.person"]}
    assert found["beds-changed"]["count"] == 2 and found["beds-changed"]["answered_by"] == []
    assert found["inc-1"]["answered_by"] == []


def test_feedback_that_came_after_the_promotion_is_not_what_it_answers(facts):
    promotion = next(one for one in facts.entries if one.kind == "promotion")
    early = replace(promotion, at=facts.entries[0].at)
    entries = tuple(early if one is promotion else one for one in facts.entries)
    assert notes_document(replace(facts, entries=entries))["feedback"] == []


def test_a_return_runs_from_the_worst_to_the_best_of_both(facts):
    model = load_value("triage")
    known = factors(model, facts)
    half, year = (horizon(model, known, months) for months in (6, 12))
    assert half.gain == (half.benefit[0] - half.cost[1], half.benefit[1] - half.cost[0])
    assert year.benefit == pytest.approx(tuple(2 * one for one in half.benefit))
    launch = known["launch"].range
    running = known["running"].range
    assert year.cost[0] - half.cost[0] >= 6 * running[0] and half.cost[0] >= launch[0]


def test_what_evidence_measured_takes_the_assumptions_place_with_its_interval(facts):
    head = facts.site.evidence_of("overrides")
    figures = {**head.figures, "overrides.accepted": Figure(0.5, 0.4, 0.6, 1400)}
    measured = replace(head, figures=figures)
    evidence = tuple(measured if one is head else one for one in facts.site.evidence)
    site = replace(facts.site, evidence=evidence)
    model = load_value("triage")
    assert (
        factors(model, facts)["cards_taken"].range == (0.2, 0.6) and factors(model, facts)["cards_taken"].source is None
    )
    found = factors(model, replace(facts, site=site))["cards_taken"]
    assert found.range == (0.4, 0.6) and found.source is not None


@pytest.mark.parametrize("name", use_case_names())
def test_every_use_case_that_is_released_has_assumptions_with_owner_source_and_date(name):
    model = load_value(name)
    assert model is not None and all(one.owner and one.source and one.date for one in model.assumptions)


def test_simulated_data_are_no_claim_and_the_pack_says_so(facts):
    section = next(one for one in board_pack(facts).sections if one.anchor == "value")
    assert "no claim" in section.banner and value_document(facts)["is_claim"] is False
    real = replace(facts, site=replace(facts.site, is_simulated=False))
    assert value_document(real)["is_claim"] is True
    assert next(one for one in board_pack(real).sections if one.anchor == "value").banner == ""


def test_every_factor_is_shown_with_where_it_comes_from(facts):
    section = next(one for one in board_pack(facts).sections if one.anchor == "value")
    shown = {row.label: row.cells for row in section.tables[-1].rows}
    assert set(shown) == {one.label for one in load_value("triage").assumptions}
    assert all("2026-11-27" in cells[-1].text for cells in shown.values())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda one: one["assumptions"][0].update(low=9e9), "low is above high"),
        (lambda one: one["assumptions"].pop(), "used in a line: launch"),
        (lambda one: one["costs"][0].update(once=["launch"]), "either each_month or once"),
        (lambda one: one["assumptions"][0].pop("source"), "source"),
    ],
)
def test_a_file_of_assumptions_that_breaks_the_form_is_refused(tmp_path, change, fault):
    document = yaml.safe_load((FOLDER / "triage.yaml").read_text())
    change(document)
    (tmp_path / "triage.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(AssumptionsError, match=rf"triage\.yaml: .*{fault}"):
        load_value("triage", tmp_path)


@given(st.floats(-1e7, 1e7), st.floats(0, 1e7))
def test_a_range_of_money_is_read_without_a_sign_that_is_lost(low, width):
    said = money((low, low + width), "USD")
    assert said.endswith(" USD") and " to " in said and said.startswith("−") == (low < 0)
