import re

import pytest
import yaml

from evaluation.policies import KINDS, OtherAdvice, PolicyError, Stage, Tier, load_policy, parse_policy, read_policy
from evaluation.policies.load import FOLDER

TEXT = (FOLDER / "triage.yaml").read_text("utf-8")


def changed(**members):
    return {**yaml.safe_load(TEXT), **members}


def parse(document):
    return parse_policy(yaml.safe_dump(document), "test.yaml")


def change_clause(**members):
    document = yaml.safe_load(TEXT)
    clause = document["stages"]["shadow"]["clauses"][0]
    for name, value in members.items():
        clause.pop(name, None)
        if value is not None:
            clause[name] = value
    return document


def test_triage_policy_loads_and_every_clause_says_who_why_and_since_when():
    policy = load_policy("triage")
    clauses = policy.clauses_for(Stage.DECISION_SUPPORT)
    assert len(clauses) > 20
    for clause in clauses:
        assert clause.owner and len(clause.rationale) > 20 and len(clause.to_meet) > 20
        assert clause.date <= policy.date


def test_stages_are_cumulative():
    policy = load_policy("triage")
    shadow, assistive, support = ({clause.id for clause in policy.clauses_for(stage)} for stage in list(Stage)[1:])
    assert shadow < assistive < support
    assert policy.clauses_for(Stage.OFF) == ()
    assert policy.approvals_for(Stage.OFF) == ()
    assert policy.approvals_for(Stage.SHADOW) == ("model", "workflow")
    assert policy.approvals_for(Stage.ASSISTIVE) == ("model", "workflow")
    assert policy.approvals_for(Stage.DECISION_SUPPORT) == KINDS


@pytest.mark.parametrize(
    ("stage", "kinds"),
    [
        (Stage.SHADOW, {"performance", "calibration", "net_benefit", "subgroups", "drift", "rehearsal"}),
        (Stage.ASSISTIVE, {"parity", "shadow", "slo", "explanations", "shadow_gap", "segment_drift"}),
        (Stage.DECISION_SUPPORT, {"overrides", "estimated", "cross_site"}),
    ],
)
def test_triage_asks_for_every_kind_of_evidence_the_stage_is_about(stage, kinds):
    assert {clause.kind for clause in load_policy("triage").clauses_for(stage)} >= kinds


def test_triage_discrimination_is_judged_by_confidence_bounds_with_a_minimum_of_events():
    for clause in load_policy("triage").clauses_for(Stage.DECISION_SUPPORT):
        if clause.figure.endswith(("auroc", "current_practice", "calibration_slope")):
            assert clause.bound in ("lower", "upper"), clause.id
            assert clause.min_events, clause.id


def test_triage_net_benefit_and_alerts_are_judged_at_the_threshold_of_the_card():
    policy = load_policy("triage")
    judged = [clause for clause in policy.clauses_for(Stage.DECISION_SUPPORT) if "@" in clause.figure]
    assert len(judged) >= 3
    for clause in judged:
        assert clause.figure.startswith(f"{policy.card.outcome}."), clause.id
        assert clause.figure.endswith(f"@{policy.card.display_threshold:g}"), clause.id


def test_triage_alert_clauses_do_not_allow_more_than_the_card_does():
    policy = load_policy("triage")
    caps = [c for c in policy.clauses_for(Stage.DECISION_SUPPORT) if "alerts_per_100" in c.figure]
    assert len(caps) >= 3
    assert max(clause.threshold for clause in caps) == policy.card.alerts_per_100_at_most
    assert all(clause.bound == "upper" for clause in caps)


def test_model_and_workflow_are_approved_in_different_roles():
    approvals = load_policy("triage").approvals
    assert not approvals.roles_for("model") & approvals.roles_for("workflow")
    assert approvals.roles_for("nothing") == frozenset()


def test_requirement_reads_as_a_person_would_say_it():
    clauses = {clause.id: clause.requirement for clause in load_policy("triage").clauses_for(Stage.ASSISTIVE)}
    assert clauses["critical-care-discrimination"] == ">= 0.75"
    assert clauses["critical-care-beats-current-practice"] == "> critical_care.auroc.current_practice"
    assert clauses["drift-known"] == "present"
    for plus, said in ((0.05, ">= x (upper bound) + 0.05"), (-0.02, ">= x (upper bound) - 0.02")):
        policy = parse(change_clause(threshold={"figure": "x", "bound": "upper", "plus": plus}))
        assert policy.clauses_for(Stage.SHADOW)[0].requirement == said


def test_order_of_stages_and_tiers():
    assert [stage.rank for stage in Stage] == [0, 1, 2, 3]
    assert [tier.value for tier in Tier] == ["model", "reduced", "rule", "history", "reference", "manual"]
    assert [tier.rank for tier in Tier] == [0, 1, 2, 3, 4, 5]
    assert Stage.OFF.rank < Stage.SHADOW.rank < Stage.ASSISTIVE.rank < Stage.DECISION_SUPPORT.rank
    assert Tier.MODEL.rank < Tier.RULE.rank < Tier.HISTORY.rank < Tier.MANUAL.rank


class TestDigest:
    def test_is_the_same_for_the_same_words(self):
        again = parse_policy("# a comment\n" + TEXT.replace("threshold: 0.75\n", "threshold: 7.5e-1\n"), "x")
        assert again.digest == load_policy("triage").digest
        assert re.fullmatch("[0-9a-f]{64}", again.digest)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("threshold: 0.75", "threshold: 0.7499"),
            ("display_threshold: 0.10", "display_threshold: 0.11"),
            ("min_events: 50", "min_events: 49"),
            ("owner: nursing_lead", "owner: operator"),
            ("valid_days: 30", "valid_days: 31"),
            ("has no reason to exist", "has little reason to exist"),
        ],
    )
    def test_changes_with_every_word(self, old, new):
        assert old in TEXT
        assert parse_policy(TEXT.replace(old, new, 1), "x").digest != load_policy("triage").digest


class TestRefused:
    def test_missing_file_says_that_nothing_is_released_without(self, tmp_path):
        with pytest.raises(PolicyError, match=r"staffing\.yaml: no such policy file"):
            load_policy("staffing", tmp_path)

    def test_file_of_another_use_case(self, tmp_path):
        (tmp_path / "staffing.yaml").write_text(TEXT, "utf-8")
        with pytest.raises(PolicyError, match=r"staffing\.yaml is the policy of 'triage'"):
            load_policy("staffing", tmp_path)

    def test_file_that_cannot_be_read(self, tmp_path):
        (tmp_path / "triage.yaml").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(PolicyError, match="cannot be read as UTF-8"):
            read_policy(tmp_path / "triage.yaml")
        with pytest.raises(PolicyError, match="cannot be read"):
            read_policy(tmp_path)

    @pytest.mark.parametrize("text", ["a: [", "a: !!python/object:os.system {}", "\t- x"])
    def test_text_that_is_not_plain_yaml(self, text):
        with pytest.raises(PolicyError, match=r"test\.yaml: is not YAML"):
            parse_policy(text, "test.yaml")

    def test_key_given_twice(self):
        twice = TEXT.replace("        threshold: 0.75\n", "        threshold: 0.75\n        threshold: 0.1\n")
        with pytest.raises(PolicyError, match="key given twice: threshold"):
            parse_policy(twice, "test.yaml")

    @pytest.mark.parametrize("text", ["", "[]", "just words"])
    def test_document_that_is_no_mapping(self, text):
        with pytest.raises(PolicyError, match=r"test\.yaml: the document"):
            parse_policy(text, "test.yaml")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"schema": "pilothouse.policy/2"}, "schema"),
            ({"version": "1"}, "version"),
            ({"triggers": []}, "triggers"),
            ({"decision_valid_days": 0}, "decision_valid_days"),
            ({"review_every_days": 36501}, "review_every_days"),
            ({"surprise": 1}, "surprise"),
        ],
    )
    def test_policy_that_breaks_its_shape_names_the_field(self, change, message):
        with pytest.raises(PolicyError, match=rf"test\.yaml: {message}"):
            parse(changed(**change))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"threshold": None}, "give a threshold"),
            ({"comparison": "present"}, "give a threshold"),
            ({"comparison": "<="}, "<= needs bound upper or value, not lower"),
            ({"comparison": "<"}, "< needs bound upper or value"),
            ({"bound": "upper"}, ">= needs bound lower or value, not upper"),
            ({"comparison": ">", "bound": "upper"}, "> needs bound lower or value"),
            ({"comparison": "present", "threshold": None}, "present needs bound value"),
            ({"threshold": float("nan")}, "threshold"),
            ({"threshold": float("inf")}, "threshold"),
            ({"min_events": 0}, "min_events"),
            ({"max_age_days": float("inf")}, "max_age_days"),
            ({"owner": None}, "owner"),
            ({"rationale": " "}, "rationale"),
            ({"to_meet": None}, "to_meet"),
            ({"date": None}, "date"),
            ({"kind": "gossip"}, "kind"),
            ({"id": "gap-sex"}, "clause id given twice: gap-sex"),
        ],
    )
    def test_clause_that_could_not_be_judged(self, change, message):
        with pytest.raises(PolicyError, match=message):
            parse(change_clause(**change))

    def test_bound_that_is_right_is_taken(self):
        clause = parse(change_clause(comparison="<=", bound="upper")).clauses_for(Stage.SHADOW)[0]
        assert (clause.comparison, clause.bound) == ("<=", "upper")

    @pytest.mark.parametrize(
        ("approvals", "message"),
        [
            (["model"], "must ask for both approvals"),
            (["workflow"], "must ask for both approvals"),
            ([], "must ask for both approvals"),
            (["model", "workflow", "astrology"], "does not define"),
            (["model", "model", "workflow"], "given twice: model"),
        ],
    )
    def test_stage_without_both_approvals(self, approvals, message):
        document = yaml.safe_load(TEXT)
        document["stages"]["assistive"]["approvals"] = approvals
        with pytest.raises(PolicyError, match=message):
            parse(document)

    def test_stage_without_a_clause(self):
        document = yaml.safe_load(TEXT)
        document["stages"]["assistive"]["clauses"] = []
        with pytest.raises(PolicyError, match=r"stages\.assistive\.clauses"):
            parse(document)

    def test_approval_kind_or_trigger_given_twice(self):
        document = yaml.safe_load(TEXT)
        document["approvals"]["kinds"].append(document["approvals"]["kinds"][0])
        with pytest.raises(PolicyError, match="approval kind given twice: model"):
            parse(document)
        document = yaml.safe_load(TEXT)
        document["triggers"].append(document["triggers"][0])
        with pytest.raises(PolicyError, match="trigger id given twice: slow-scores"):
            parse(document)

    @pytest.mark.parametrize("target", [{}, {"tier": "rule", "stage": "shadow"}])
    def test_trigger_that_does_not_say_where_to(self, target):
        document = yaml.safe_load(TEXT)
        document["triggers"][0]["steps_down_to"] = target
        with pytest.raises(PolicyError, match="name exactly one"):
            parse(document)


def test_policy_cannot_be_changed_after_it_was_read():
    policy = load_policy("triage")
    with pytest.raises(ValueError, match="frozen"):
        policy.card.display_threshold = 0.5
    with pytest.raises(ValueError, match="frozen"):
        policy.clauses_for(Stage.SHADOW)[0].threshold = 0


def test_a_policy_shows_a_card_or_a_board_and_says_so_when_asked_for_the_other():
    triage, staffing = load_policy("triage"), load_policy("staffing")
    assert triage.shown_card.outcome == "critical_care" and staffing.shown_board.lines[0].target == "census"
    with pytest.raises(OtherAdvice, match="staffing is for a board"):
        _ = staffing.shown_card
    with pytest.raises(OtherAdvice, match="triage is for a card"):
        _ = triage.shown_board
    board = {**yaml.safe_load((FOLDER / "staffing.yaml").read_text())["board"]}
    for shown in ({"card": None}, {"board": board}):
        document = yaml.safe_load(TEXT)
        document |= shown
        with pytest.raises(PolicyError, match="exactly one of the two"):
            parse(document)
    assert (
        parse(
            yaml.safe_load((FOLDER / "staffing.yaml").read_text())
            | {"board": board | {"lines": [{"target": "rn", "adjustable": False}]}}
        ).digest
        != staffing.digest
    )
