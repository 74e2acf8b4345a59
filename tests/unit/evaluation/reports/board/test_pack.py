"""The board pack: nothing on it without a document, every link alive, every gap said."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from evaluation.evidence import KINDS, Evidence
from evaluation.reports import ClauseLine, ReportError
from evaluation.reports.board import Source, board_pack, figures, render_pack, write_pack
from evaluation.reports.board.claims import Cell, claim, table
from evaluation.reports.model_card import SCHEMA

ATTACK = "<script>alert('x')</script>"


class Page(HTMLParser):
    """Links, ids and tags of a page."""

    def __init__(self, html):
        super().__init__()
        self.links, self.ids, self.tags = [], set(), set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        found = dict(attrs)
        self.links += [found[name] for name in ("href", "src") if name in found]
        if "id" in found:
            self.ids.add(found["id"])


def dead(page, folder):
    """The links of a page that lead nowhere."""
    lost = [one for one in page.links if one.startswith("#") and one[1:] not in page.ids]
    return lost + [one for one in page.links if not one.startswith("#") and not (folder / one).is_file()]


def rows_of(pack, anchor):
    section = next(one for one in pack.sections if one.anchor == anchor)
    return {row.label: row for each in section.tables for row in each.rows}


def test_a_claim_without_a_document_reads_not_evidenced_whatever_it_says():
    row = claim("Stage", "Assistive", Cell("everything is fine", "good"), on=())
    assert all(cell.is_absent for cell in row.cells)
    assert not claim("Stage", "Assistive", on=[Source.of("x", "X", {})]).cells[0].is_absent


def test_every_row_of_the_pack_either_cites_a_document_or_is_not_evidenced(facts):
    for section in board_pack(facts).sections:
        for row in (row for each in section.tables for row in each.rows):
            assert row.sources or all(cell.is_absent or cell.is_asked for cell in row.cells), (
                section.anchor,
                row.label,
            )


def test_a_place_without_any_record_claims_nothing(bare):
    pack = board_pack(bare)
    assert not pack.sources and {one.anchor for one in pack.absent} == {one.anchor for one in pack.sections}
    assert "NOT EVIDENCED" in render_pack(pack)


def test_no_link_is_dead_and_every_copy_is_what_was_cited(facts, tmp_path):
    page, *_ = write_pack(tmp_path, board_pack(facts))
    assert not dead(Page(page.read_text()), tmp_path)
    for source in board_pack(facts).sources:
        assert json.loads((tmp_path / source.path).read_text()) == json.loads(json.dumps(_plain(source.document)))
    kinds = {one.kind: one for one in facts.site.evidence}
    copy = json.loads((tmp_path / board_pack(facts).facts.evidence("drift")[0].path).read_text())
    assert Evidence.from_json(copy).digest == kinds["drift"].digest


def test_a_copy_that_is_no_longer_cited_goes(facts, tmp_path):
    write_pack(tmp_path, board_pack(facts))
    assert (tmp_path / "evidence" / "ledger-4.json").exists()
    page, *_ = write_pack(tmp_path, board_pack(replace(facts, entries=())))
    assert not (tmp_path / "evidence" / "ledger-4.json").exists() and not dead(Page(page.read_text()), tmp_path)


def test_on_paper_no_link_leaves_the_pack_and_the_page_of_all_releases_is_linked_only_where_it_lies(facts):
    pack = board_pack(facts)
    printed = Page(render_pack(pack, printed=True))
    assert printed.links and all(one.startswith("#") and one[1:] in printed.ids for one in printed.links)
    assert "../../index.html" not in Page(render_pack(pack)).links
    assert "../../index.html" in Page(render_pack(pack, beside={"../../index.html": "all releases"})).links


def test_the_page_runs_no_script_and_prints_what_is_written_as_text(facts):
    hostile = replace(facts, use_case=replace(facts.use_case, intended_use=ATTACK), problems=(ATTACK,))
    html = render_pack(board_pack(hostile))
    assert "script" not in Page(html).tags and "&lt;script&gt;" in html


@pytest.mark.parametrize("stem", ["../x", "A", "", "a/b", "x" * 121])
def test_a_document_whose_name_could_leave_the_folder_is_refused(stem):
    with pytest.raises(ReportError, match="cannot name a file"):
        Source.of(stem, "X", {})


def test_every_kind_of_evidence_has_its_place(facts):
    shown = {one.stem.rpartition("-")[0] for one in board_pack(facts).sources}
    assert {one.kind for one in facts.site.evidence} <= shown
    html = render_pack(board_pack(facts))
    from evaluation.reports.words import KIND_TITLES

    assert all(KIND_TITLES[kind] in html for kind in KINDS)


def test_what_the_policy_asks_and_no_document_tells_is_said_with_its_threshold(facts):
    def asked(kind, figure):
        clause = ClauseLine("x", kind, figure, None, ">= 0.99", False, "no such figure", "Do it.")
        decision = replace(facts.site.decision, clauses=(*facts.site.decision.clauses, clause))
        pack = board_pack(replace(facts, site=replace(facts.site, decision=decision)))
        cells = [row.cells for one in pack.sections for each in one.tables for row in each.rows if "new" in row.label]
        assert len(cells) == 1 and cells[0][0].is_absent and "0.99" in cells[0][1].text and not cells[0][1].is_absent

    asked("calibration", "calibration.new")
    asked("parity", "parity.new")


def test_a_long_document_shows_what_the_policy_asks_and_folds_the_rest_away(facts, monkeypatch):
    monkeypatch.setattr(figures, "SHOWN_WHOLE", 3)
    section = next(one for one in board_pack(facts).sections if one.anchor == "performance")
    shown, folded = ([one for one in section.tables if one.is_folded is it] for it in (False, True))
    labels = [row.label for each in shown for row in each.rows]
    assert any("AUROC" in label for label in labels) and not any("Net benefit at" in label for label in labels)
    assert any("Net benefit at" in row.label for each in folded for row in each.rows)
    every = next(one for one in folded if one.heads[0] == "Group")
    (worst,) = (row for each in shown if each.heads[0] == "By" for row in each.rows)
    assert worst.cells[1].text == "2 of 3" and len(every.rows) == 3
    page, paper = (render_pack(board_pack(facts), printed=printed) for printed in (False, True))
    assert page.count("<details>") == len(folded) and "<details>" not in paper
    assert "Net benefit at 5" in page and "Net benefit at 5" not in paper and every.caption in paper


def test_too_few_rows_are_no_good_news(facts):
    section = next(one for one in board_pack(facts).sections if one.anchor == "drift")
    tones = {cell.text: cell.tone for each in section.tables for row in each.rows for cell in row.cells}
    assert (tones["drifted"], tones["stable"], tones["too few rows"]) == ("bad", "good", "warn")


def test_shifts_by_segment_and_the_evidence_of_service_levels_stand_in_their_own_sections(facts):
    anchors = {
        source.stem.rpartition("-")[0]: one.anchor for one in board_pack(facts).sections for source in one.sources
    }
    assert (anchors["segment_drift"], anchors["slo"]) == ("drift", "levels")
    rows = rows_of(board_pack(facts), "drift")
    assert rows["feed-ehr_fhir"].cells[0].text.startswith("heart_rate moved")
    assert [cell.text for cell in rows["Heart rate"].cells] == [
        "Shift: night",
        "+0.40",
        "not given",
        "0.0\u202f% → 1.0\u202f%",
        "yes",
    ]


def test_false_alerts_are_what_is_not_right_with_the_interval_turned(facts):
    figure = facts.site.evidence_of("net_benefit").figures["critical_care.ppv@0.05"]
    row = next(one for label, one in rows_of(board_pack(facts), "alerts").items() if label.startswith("False alerts"))
    value, interval = (cell.text for cell in row.cells[:2])
    assert value == f"{100 * (1 - figure.value):.1f}\u202f%"
    assert interval.startswith(f"{100 * (1 - figure.upper):.1f}")


def test_false_alerts_are_told_at_the_cards_own_thresholds_where_there_is_a_card(facts):
    def told(threshold):
        card = {"outcome": "critical_care", "display_threshold": threshold, "warning_threshold": 0.25}
        return rows_of(
            board_pack(replace(facts, sources={**facts.sources, "layout": Source.of("layout", "L", card)})), "alerts"
        )

    assert any("at 5\u202f%" in label for label in told(0.05))
    assert not any("at 5\u202f%" in label for label in told(0.1))


def test_the_pack_says_whether_the_release_is_bound_to_the_text_that_is_written_now(facts):
    bound = rows_of(board_pack(facts), "intended")["Bound to the release"].cells[0]
    assert bound.tone == "good"
    measured = facts.measured | {
        "declared.intended_use": replace(facts.measured["declared.intended_use"], says="9" * 64)
    }
    changed = rows_of(board_pack(replace(facts, measured=measured)), "intended")["Bound to the release"].cells[0]
    assert changed.tone == "bad" and "changed after it was approved" in changed.text


def test_an_open_incident_stands_first_and_an_unknown_kind_of_break_glass_is_loud(facts):
    last = facts.entries[-1]
    loud = replace(
        facts, entries=(*facts.entries, replace(last, seq=9, kind="break_glass_used", payload={"reason": "fire"}))
    )
    approvals = next(one for one in board_pack(loud).sections if one.anchor == "approvals")
    assert any(row.cells[-1].text == "fire" for each in approvals.tables for row in each.rows)
    assert rows_of(board_pack(facts), "incidents")["inc-1"].cells[-1].text == "open"


def test_a_table_whose_rows_rest_on_the_same_documents_says_so_once():
    one, other = Source.of("a", "A", {}), Source.of("b", "B", {})
    assert table(("x",), [claim("1", "v", on=[one]), claim("2", "v", on=[one])]).shared == (one,)
    assert table(("x",), [claim("1", "v", on=[one]), claim("2", "v", on=[other])]).shared == ()
    assert table(("x",), [claim("1", "v", on=[one])]).shared == ()


def test_the_card_is_written_as_the_published_schemas_elements_in_their_order(facts, tmp_path):
    write_pack(tmp_path, board_pack(facts))
    root = ElementTree.parse(tmp_path / "model-card.xml").getroot()
    inside = "{" + SCHEMA + "}"
    assert root.tag == f"{inside}AppliedModelCard"
    found = {part.tag.removeprefix(inside): [one.tag.removeprefix(inside) for one in part] for part in root}
    assert list(found) == list(PUBLISHED)
    for part, members in PUBLISHED.items():
        assert found[part] == members, part
    trust = root.find(f"{inside}TrustIngredients")
    assert [one.tag.removeprefix(inside) for one in trust[0]] == FACTS
    assert [one.tag.removeprefix(inside) for one in trust[1]] == OPENNESS
    metric = root.find(f"{inside}KeyMetrics")[0]
    assert [one.tag.removeprefix(inside) for one in metric] == METRIC
    assert re.search(r"<ReimbursementStatus>NOT EVIDENCED<", (tmp_path / "model-card.xml").read_text())


PUBLISHED = {
    "BasicInfo": ["ModelName", "ModelDeveloper", "DeveloperContact"],
    "ReleaseInfo": [
        "ReleaseStage",
        "ReleaseDate",
        "ReleaseVersion",
        "GlobalAvailability",
        "EHRCompatibility",
        "RegulatoryApproval",
    ],
    "ModelSummary": ["Summary", "Keywords"],
    "UsesAndDirections": [
        "IntendedUseAndWorkflow",
        "PrimaryIntendedUsers",
        "HowToUse",
        "TargetedPatientPopulation",
        "CautionedOutOfScopeSettings",
    ],
    "Warnings": ["KnownRisksAndLimitations", "KnownBiasesOrEthicalConsiderations", "ClinicalRiskLevel"],
    "TrustIngredients": ["AISystemFacts", "TransparencyInformation"],
    "KeyMetrics": ["UsefulnessUsabilityEfficacy", "FairnessEquity", "SafetyReliability"],
    "Resources": [
        "EvaluationReferences",
        "ClinicalTrial",
        "PeerReviewedPublications",
        "ReimbursementStatus",
        "PatientConsentOrDisclosure",
    ],
    "Bibliography": [],
}
"""The elements of version 0.2 in their order, as coalition-for-health-ai/mc-schema publishes them (v0.2/schema.xsd)."""
FACTS = [
    "OutcomesAndOutputs",
    "ModelType",
    "FoundationModels",
    "InputDataSource",
    "OutputAndInputDataTypes",
    "DevelopmentDataCharacterization",
    "BiasMitigationApproaches",
    "OngoingMaintenance",
    "Security",
    "Transparency",
]
OPENNESS = ["FundingSource", "ThirdPartyInformation", "StakeholdersConsulted"]
METRIC = [
    "MetricGoal",
    "Results",
    "Interpretation",
    "TestType",
    "TestingDataDescription",
    "ValidationProcessAndJustification",
]


def _plain(value):
    if hasattr(value, "items"):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
