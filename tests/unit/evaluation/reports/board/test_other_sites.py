"""Other sites in the pack: which need recalibration, which were too small, and why one was not judged."""

from dataclasses import replace

from evaluation.evidence import EvidenceHead, Figure
from evaluation.reports.board import Source
from evaluation.reports.board.other_sites import other_sites
from evaluation.reports.board.standing import approvals
from evaluation.reports.model_card import model_card
from evaluation.reports.words import figure_label

OUTCOME = "critical_care"


def test_of_other_sites_it_is_said_where_it_needs_recalibration_and_why_one_was_not_judged(facts):
    detail = {
        "left_out": {"nhamcs": "its dates are shifted"},
        "with_card": {"rural": 312, "harbour": 0},
        "too_few": [f"harbour: {OUTCOME}"],
        "min_events": 100,
        "recalibration": [{"site": "rural", "outcome": OUTCOME, "why": ["its risks are too high on the whole"]}],
    }
    head = EvidenceHead("triage", "city", "c" * 64, "d" * 64, facts.generated_at, {})
    evidence = head.evidence("cross_site", {"cross_site.sites": Figure(1.0, n=3)}, detail)
    with_it = replace(
        facts,
        site=replace(facts.site, evidence=(*facts.site.evidence, evidence)),
        sources={**facts.sources, "evidence:cross_site": Source.of_evidence(evidence, "Other sites")},
    )
    [told] = other_sites(with_it)
    assert [(row.label, row.cells[1].text) for row in told.rows] == [
        ("nhamcs", "not judged: its dates are shifted"),
        ("rural", "needs recalibration: its risks are too high on the whole"),
        ("harbour", "told, and decides nothing: fewer than 100 events or non-events"),
        ("rural", "312 visits with a card not counted"),
    ]
    assert other_sites(facts) == []
    usefulness = model_card(with_it.use_case, with_it.site)["AppliedModelCard"]["KeyMetrics"]
    assert "cross_site.sites" in str(usefulness["UsefulnessUsabilityEfficacy"])


def test_bound_to_is_what_counts_and_not_what_was_given_to_a_challenger_later(facts):
    given = facts.approvals[-1]
    later = replace(given, subject={**given.subject, "model": "9" * 64}, void="is bound to another model")
    [*_, told] = approvals(replace(facts, approvals=(*facts.approvals, later))).tables
    shown = {row.label: row.cells[0].text for row in told.rows}
    assert shown["Model"] == given.subject["model"][:12]


def test_a_gap_that_is_no_largest_one_by_groups_names_its_part_once():
    assert figure_label("shadow_gap.infrastructure.auroc", None) == "Shadow gap infrastructure auroc"
    assert figure_label("shadow_gap.set_apart", None) == "Visits set apart for a fault that was corrected"
    assert figure_label("auroc_gap.sex", None) == "Largest AUROC gap by sex"
