import json
import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.evidence import Figure, Subject
from evaluation.gates import Decision, DecisionError, GateError, decide, explain, render_rows
from evaluation.gates.judge import cautious
from evaluation.policies import Stage, parse_policy
from evaluation.policies.load import FOLDER

AUROC = ("performance", "critical_care.auroc")
TEXT = (FOLDER / "triage.yaml").read_text("utf-8")


@pytest.mark.parametrize("stage", list(Stage)[1:])
def test_evidence_that_stands_on_every_threshold_is_allowed(case, stage):
    case.stage = stage
    decision = case.decide()
    assert decision.refusals == ()
    assert decision.allowed
    assert decision.covers(case.policy)


@pytest.mark.parametrize("stage", list(Stage)[1:])
def test_without_any_evidence_every_clause_refuses(case, stage):
    decision = decide(case.policy, stage, [], case.subject, site="city", now=case.now)
    assert not decision.allowed
    refused = {refusal.clause for refusal in decision.refusals}
    assert refused == {clause.id for clause in case.policy.clauses_for(stage)}


@pytest.mark.parametrize("kind", ["performance", "calibration", "net_benefit", "subgroups", "drift", "rehearsal"])
def test_missing_evidence_of_one_kind_refuses_the_clauses_of_that_kind(case, kind):
    del case.figures[kind]
    expected = {clause.id for clause in case.policy.clauses_for(Stage.SHADOW) if clause.kind == kind}
    unmet = case.unmet()
    assert set(unmet) == expected
    assert set(unmet.values()) == {f"no {kind} evidence for this release"}


@pytest.mark.parametrize("kind", ["parity", "shadow", "slo"])
def test_assistive_needs_evidence_that_shadow_does_not(case, kind):
    del case.figures[kind]
    assert case.decide().allowed
    case.stage = Stage.ASSISTIVE
    assert {kind} == {result.kind for result in case.decide().results if not result.met}


class TestThreshold:
    def test_lower_bound_just_below_refuses_though_the_estimate_is_far_above(self, case):
        case.put(*AUROC, value=0.9, lower=math.nextafter(0.75, 0))
        assert case.unmet() == {"critical-care-discrimination": "is not >= 0.75"}

    def test_lower_bound_on_it_or_above_is_met(self, case):
        for lower in (0.75, math.nextafter(0.75, 1)):
            case.put(*AUROC, value=0.9, lower=lower)
            assert case.decide().allowed

    def test_upper_bound_just_above_refuses(self, case):
        slope = ("calibration", "critical_care.calibration_slope")
        case.put(*slope, value=1.0, lower=0.9, upper=math.nextafter(1.6, 2))
        assert set(case.unmet()) == {"critical-care-slope-high"}
        case.put(*slope, upper=1.6)
        assert case.decide().allowed

    def test_no_better_than_current_practice_refuses(self, case):
        figure = ("performance", "critical_care.auroc.on_rows_of_current_practice")
        case.put(*figure, value=0.9, lower=0.5)
        assert case.unmet() == {"critical-care-beats-current-practice": "is not > 0.5"}
        case.put(*figure, lower=math.nextafter(0.5, 1))
        assert case.decide().allowed

    @pytest.mark.parametrize("practice", [None, Figure(None)])
    def test_unknown_current_practice_refuses(self, case, practice):
        del case.figures["performance"]["critical_care.auroc.current_practice"]
        if practice:
            case.figures["performance"]["critical_care.auroc.current_practice"] = practice
        reason = "there is no critical_care.auroc.current_practice to compare it with"
        assert case.unmet() == {"critical-care-beats-current-practice": reason}

    def test_margin_over_another_figure_counts(self, case):
        text = TEXT.replace(
            "{figure: critical_care.auroc.current_practice}",
            "{figure: critical_care.auroc.current_practice, plus: 0.05}",
        )
        case.policy = parse_policy(text, "test.yaml")
        case.subject = Subject("1" * 64, "2" * 64, "3" * 64, case.policy.digest, "5" * 64)
        case.put("performance", "critical_care.auroc.on_rows_of_current_practice", value=0.9, lower=0.55)
        assert case.unmet() == {"critical-care-beats-current-practice": "is not > 0.55"}

    def test_negative_net_benefit_gain_refuses(self, case):
        gain = ("net_benefit", "critical_care.net_benefit_gain@0.1")
        case.put(*gain, value=-1e-9, lower=-0.001)
        assert set(case.unmet()) == {"critical-care-net-benefit"}
        case.put(*gain, value=0.0)
        assert case.decide().allowed

    def test_slow_rehearsal_refuses(self, case):
        case.put("rehearsal", "rehearsal.seconds_to_restore", value=60.001, upper=None)
        assert set(case.unmet()) == {"rollback-rehearsed"}

    def test_drift_report_only_has_to_be_there_for_shadow_and_is_bounded_for_assistive(self, case):
        case.put("drift", "drift.share", value=0.9, upper=None)
        assert case.decide().allowed
        case.stage = Stage.ASSISTIVE
        assert set(case.unmet()) == {"drift-bounded"}

    @pytest.mark.parametrize(
        ("clause", "figure", "bound", "least", "beyond"),
        [
            ("validated-at-another-site", "cross_site.sites", "value", 1.0, 0.0),
            ("critical-care-discrimination-elsewhere", "critical_care.auroc.worst", "lower", 0.70, 0.0),
            ("admission-discrimination-elsewhere", "admission.auroc.worst", "lower", 0.65, 0.0),
            ("critical-care-slope-low-elsewhere", "critical_care.calibration_slope.lowest", "lower", 0.5, 0.0),
            ("critical-care-slope-high-elsewhere", "critical_care.calibration_slope.highest", "upper", 2.0, 9.0),
        ],
    )
    def test_figures_of_other_sites_count_for_decision_support_alone(self, case, clause, figure, bound, least, beyond):
        case.stage = Stage.DECISION_SUPPORT
        case.put("cross_site", figure, **{bound: math.nextafter(least, beyond)})
        assert set(case.unmet()) == {clause}
        case.put("cross_site", figure, **{bound: least})
        assert case.decide().allowed
        case.stage = Stage.ASSISTIVE
        assert all(result.kind != "cross_site" for result in case.decide().results)

    def test_without_a_second_site_the_refusal_says_what_to_bring(self, case):
        case.stage = Stage.DECISION_SUPPORT
        case.figures["cross_site"] = {"cross_site.sites": Figure(0.0, n=0)}
        refusals = {one.clause: one for one in case.decide().results if not one.met}
        assert len(refusals) == 5
        assert "second site" in refusals["validated-at-another-site"].to_meet
        assert "the cross_site evidence does not hold this figure" in {one.reason for one in refusals.values()}


class TestCounting:
    def test_too_few_events_refuse_and_just_enough_do_not(self, case):
        case.put(*AUROC, n_events=49)
        assert case.unmet() == {"critical-care-discrimination": "rests on 49 events, at least 50 count"}
        case.put(*AUROC, n_events=50)
        assert case.decide().allowed

    def test_too_few_rows_refuse(self, case):
        case.put(*AUROC, n=999)
        assert case.unmet() == {"critical-care-discrimination": "rests on 999 rows, at least 1000 count"}
        case.put(*AUROC, n=1000)
        assert case.decide().allowed

    @pytest.mark.parametrize(("counted", "what"), [("n", "rows"), ("n_events", "events")])
    def test_unknown_counts_refuse(self, case, counted, what):
        case.put(*AUROC, **{counted: None})
        assert f"an unknown number of {what}" in case.unmet()["critical-care-discrimination"]


class TestUnknownFigure:
    def test_that_is_not_in_the_document_refuses(self, case):
        del case.figures["performance"]["critical_care.auroc"]
        reason = "the performance evidence does not hold this figure"
        assert case.unmet() == {"critical-care-discrimination": reason}

    def test_that_could_not_be_estimated_refuses(self, case):
        case.put(*AUROC, value=None)
        assert case.unmet() == {"critical-care-discrimination": "it has no lower confidence bound"}
        case.figures = type(case)().figures
        case.put("drift", "drift.share", value=None)
        assert case.unmet() == {"drift-known": "it could not be estimated"}

    def test_without_its_confidence_bound_refuses_whatever_the_estimate(self, case):
        case.put(*AUROC, value=1.0, lower=None)
        assert case.unmet() == {"critical-care-discrimination": "it has no lower confidence bound"}

    @pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("member", ["value", "lower", "upper"])
    def test_that_is_not_finite_is_no_number(self, odd, member):
        figure = Figure(0.9, 0.8, 1.0)
        object.__setattr__(figure, member, odd)
        bound = member
        assert cautious(figure, bound) is None

    @given(st.floats(allow_nan=False, allow_infinity=False), st.data())
    def test_bound_on_the_hopeful_side_of_its_estimate_is_not_believed(self, value, data):
        numbers = st.floats(allow_nan=False, allow_infinity=False)
        limit = data.draw(numbers)
        assert cautious(Figure(value, lower=limit), "lower") == min(value, limit)
        assert cautious(Figure(value, upper=limit), "upper") == max(value, limit)
        assert cautious(Figure(value), "value") == value


class TestAge:
    def test_evidence_older_than_the_clause_allows_refuses(self, case):
        case.changes["rehearsal"] = {"created_at": case.now - timedelta(days=90)}
        assert case.decide().allowed
        case.changes["rehearsal"] = {"created_at": case.now - timedelta(days=90, microseconds=1)}
        assert case.unmet() == {"rollback-rehearsed": "the evidence is 90.0 days old, at most 90 count"}

    def test_evidence_dated_after_now_is_left_aside(self, case):
        case.changes["drift"] = {"created_at": case.now}
        assert case.decide().allowed
        case.changes["drift"] = {"created_at": case.now + timedelta(microseconds=1)}
        reason = "no drift evidence for this release (there is some dated after the decision)"
        assert case.unmet() == {"drift-known": reason}


class TestOtherSubjects:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"subject_model": "9" * 64}, "about another model"),
            ({"subject_data": "9" * 64}, "about other data"),
            ({"site": "village"}, "for another site"),
            ({"use_case": "staffing"}, "for another use case"),
        ],
    )
    def test_evidence_about_something_else_is_ignored_with_the_reason(self, case, change, reason):
        case.changes["performance"] = change
        decision = case.decide()
        assert not decision.allowed
        assert [(each.kind, each.reason) for each in decision.ignored] == [("performance", reason)]
        assert all(reason in refusal.figure for refusal in decision.refusals)
        assert "performance" not in {each.kind for each in decision.used}

    def test_good_evidence_beside_it_still_counts(self, case):
        case.extra = [case.document("performance", subject_model="9" * 64)]
        decision = case.decide()
        assert decision.allowed
        assert len(decision.ignored) == 1

    @pytest.mark.parametrize("name", ["contracts", "card"])
    def test_other_digests_of_the_subject_do_not_concern_evidence(self, case, name):
        members = {**case.subject.to_json(), name: "9" * 64}
        case.subject = Subject(**members)
        assert case.decide().allowed

    def test_release_that_names_another_policy_is_refused(self, case):
        case.subject = Subject("1" * 64, "2" * 64, "3" * 64, "4" * 64, "5" * 64)
        reason = "the release names another policy than the one in force"
        assert case.unmet() == {"policy-is-the-one-reviewed": reason}


class TestSeveralDocumentsOfOneKind:
    def worse(self, case, **changes):
        return case.document("drift", figures={"drift.share": Figure(None)}, **changes)

    def test_newest_wins_even_if_it_is_worse(self, case):
        case.extra = [self.worse(case, created_at=case.now - timedelta(hours=1))]
        decision = case.decide()
        assert not decision.allowed
        assert [(each.kind, each.reason) for each in decision.ignored] == [("drift", "superseded by a newer one")]

    def test_older_one_is_listed_as_superseded(self, case):
        older = self.worse(case, created_at=case.now - timedelta(days=2))
        case.extra = [older]
        decision = case.decide()
        assert decision.allowed
        assert decision.ignored[0].digest == older.digest

    def test_two_of_one_instant_that_differ_refuse(self, case):
        case.extra = [self.worse(case)]
        decision = case.decide()
        reason = "two drift documents of the same instant contradict each other"
        assert case.unmet() == {"drift-known": reason}
        assert [each.reason for each in decision.ignored] == ["contradicted by one of the same instant"] * 2

    def test_same_document_twice_is_one(self, case):
        case.extra = [case.document("drift")]
        assert case.decide().allowed
        assert case.decide().ignored == ()

    def test_order_of_documents_does_not_matter(self, case):
        case.extra = [self.worse(case, created_at=case.now - timedelta(days=2))]
        documents = case.evidence()
        one = decide(case.policy, case.stage, documents, case.subject, site="city", now=case.now)
        two = decide(case.policy, case.stage, documents[::-1], case.subject, site="city", now=case.now)
        assert one.digest == two.digest


def test_evidence_that_cannot_be_read_refuses_because_it_may_be_the_newest(case):
    decision = case.decide(unreadable=["drift-12.json: is not JSON in UTF-8"])
    assert not decision.allowed
    (refusal,) = decision.refusals
    assert refusal.clause == "evidence-is-readable"
    assert "drift-12.json" in refusal.figure


def test_stage_off_needs_no_decision(case):
    case.stage = Stage.OFF
    with pytest.raises(GateError, match="use a rollback"):
        case.decide()


def test_clock_without_a_time_zone_is_refused(case):
    with pytest.raises(GateError, match="time zone"):
        case.decide(now=datetime(2026, 11, 22))  # noqa: DTZ001


class TestDocument:
    def test_comes_back_from_its_json(self, case):
        case.extra = [case.document("drift", created_at=case.now - timedelta(days=3))]
        del case.figures["subgroups"]
        decision = case.decide()
        again = Decision.from_json(json.loads(json.dumps(decision.to_json())))
        assert again == decision
        assert again.digest == decision.digest
        assert len(decision.digest) == 64

    def test_digest_changes_with_what_was_found(self, case):
        before = case.decide().digest
        assert case.decide().digest == before
        case.put(*AUROC, lower=0.751)
        assert case.decide().digest != before

    @pytest.mark.parametrize(
        "change",
        [
            {"allowed": False},
            {"site": "village"},
            {"stage": "assistive"},
            {"digest": "0" * 64},
            {"decided_at": "2026-11-22T12:00:01Z"},
            {"extra": 1},
        ],
    )
    def test_that_was_changed_is_not_read(self, case, change):
        with pytest.raises(DecisionError, match="changed after it was made"):
            Decision.from_json({**case.decide().to_json(), **change})

    def test_refused_clause_cannot_be_turned_into_a_met_one(self, case):
        del case.figures["drift"]
        document = case.decide().to_json()
        for result in document["results"]:
            result["met"] = True
        with pytest.raises(DecisionError, match="changed after it was made"):
            Decision.from_json({**document, "allowed": True})

    @pytest.mark.parametrize("change", [{"stage": "full"}, {"results": 3}, {"subject": {}}])
    def test_that_breaks_its_shape_is_not_read(self, case, change):
        with pytest.raises(DecisionError, match="is not a decision"):
            Decision.from_json({**case.decide().to_json(), **change})

    def test_with_bad_digests_in_its_subject_is_not_read(self, case):
        subject = {name: "x" for name in ("model", "data", "contracts", "policy", "card")}  # noqa: C420
        with pytest.raises(DecisionError, match="is not a decision"):
            Decision.from_json({**case.decide().to_json(), "subject": subject})

    @pytest.mark.parametrize("document", [None, [], {}, {"schema": "pilothouse.decision/2"}])
    def test_that_is_none_at_all_is_not_read(self, document):
        with pytest.raises(DecisionError, match="is not a decision"):
            Decision.from_json(document)

    def test_with_a_member_missing_is_not_read(self, case):
        document = case.decide().to_json()
        del document["results"]
        with pytest.raises(DecisionError, match="is not a decision"):
            Decision.from_json(document)

    def test_without_any_result_permits_nothing(self, case):
        empty = Decision("triage", "city", Stage.SHADOW, case.subject, case.policy.digest, case.now, (), (), ())
        assert not empty.allowed

    def test_lists_the_evidence_it_rests_on(self, case):
        used = {each.kind: each.digest for each in case.decide().used}
        assert used["drift"] == case.document("drift").digest
        assert set(used) == {"performance", "calibration", "net_benefit", "subgroups", "drift", "rehearsal"}


class TestExplanation:
    def test_shows_what_is_not_met_first_with_what_to_do(self, case):
        case.put(*AUROC, value=0.8, lower=0.7)
        rows = explain(case.decide())
        assert len(rows) == len(case.decide().results)
        first = rows[0]
        assert (first.clause, first.met) == ("critical-care-discrimination", "NOT MET")
        assert first.found == "critical_care.auroc (lower bound) = 0.7: is not >= 0.75"
        assert first.counted == "5000 rows, 100 events"
        assert "missing vital signs" in first.to_meet
        assert {row.met for row in rows[1:]} == {"met"}
        assert {row.to_meet for row in rows[1:]} == {""}
        assert first.to_json()["threshold"] == ">= 0.75"

    def test_table_has_one_line_per_clause_and_its_columns_line_up(self, case):
        table = render_rows(explain(case.decide())).splitlines()
        assert len(table) == 1 + len(case.decide().results)
        column = table[0].index("threshold")
        assert {line[column - 2 : column] for line in table} == {"  "}
        assert not any(line.endswith(" ") for line in table)

    def test_refusal_has_the_four_words_of_the_command_line(self, case):
        del case.figures["drift"]
        (refusal,) = case.decide().refusals
        assert refusal.to_json() == {
            "clause": "drift-known",
            "figure": "drift.share: no drift evidence for this release",
            "threshold": "present",
            "to_meet": "Run the drift report on a current window of at least the minimum size.",
        }
