"""Approvals by kind: quorum, validity, certificates; every refusal says which kind is missing and who may give it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from evaluation.evidence import Subject
from evaluation.gates import Authorisation
from evaluation.ledger import ApprovalError, ApprovalStatement, Certificate
from evaluation.policies import KINDS, Policy, PolicyError, Stage, parse_policy
from evaluation.policies.load import FOLDER
from tests.unit.evaluation.gates.conftest import NOW, Room

REGION, USE = "US", "Supports the triage nurse. The nurse decides."
ROLES = {
    "model": "clinical_safety_lead",
    "workflow": "nursing_lead",
    "safety": "patient_safety_officer",
    "privacy": "privacy_officer",
    "security": "security_officer",
    "compliance": "compliance_officer",
    "ethics": "ethics_chair",
    "regulatory": "regulatory_affairs_lead",
    "training": "nurse_educator",
    "champions": "emergency_department_lead",
}
PEOPLE = {kind: f"{kind}.person" for kind in KINDS}
FROM_THEN_ON = timedelta(microseconds=1)


def policy_with(**stage_changes: Any) -> Policy:
    """The triage policy, its shadow stage asking for every kind; `stage_changes` by kind say in what measure."""
    document = yaml.safe_load((FOLDER / "triage.yaml").read_text("utf-8"))
    document["approvals"]["kinds"] = [
        {"kind": kind, "roles": [role], "rationale": "for tests"} for kind, role in ROLES.items()
    ]
    asked = [{"kind": kind, **stage_changes[kind]} if kind in stage_changes else kind for kind in KINDS]
    document["stages"]["shadow"]["approvals"] = asked
    return parse_policy(yaml.safe_dump(document), "test.yaml")


def certificate(**changes: Any) -> Certificate:
    members: dict[str, Any] = {"number": "K-123", "region": REGION, "intended_use": USE, "expires_on": NOW.date()}
    return Certificate(**{**members, **changes})


def with_policy(room: Room, policy: Policy) -> None:
    room.case.policy = policy
    room.case.subject = Subject(**{**room.case.subject.to_json(), "policy": policy.digest})


def say(room: Room, kind: str, person: str = "", **changes: Any) -> None:
    certified = {"certificate": certificate()} if kind == "regulatory" else {}
    room.say(person or PEOPLE[kind], ROLES[kind], kind, **{**certified, **changes})


def ask(room: Room, **changes: Any) -> Authorisation:
    return room.ask(region=REGION, intended_use=USE, **changes)


def reasons(room: Room, **changes: Any) -> dict[str, str]:
    return {one.clause: one.figure for one in ask(room, **changes).reasons}


@pytest.fixture
def board(room: Room) -> Room:
    """Everybody is registered, and a policy asks for every kind."""
    with_policy(room, policy_with())
    for kind, role in ROLES.items():
        room.register(PEOPLE[kind], role)
    return room


@pytest.fixture
def agreed(board: Room) -> Room:
    for kind in KINDS:
        say(board, kind)
    return board


def test_every_kind_by_its_own_person_permits(agreed: Room) -> None:
    answer = ask(agreed)
    assert answer.allowed and [one.statement.kind for one in answer.approvals] == list(KINDS)


def test_every_missing_kind_is_listed_with_who_may_give_it(board: Room) -> None:
    found = {one.clause: one for one in ask(board).reasons}
    assert set(found) == {f"approval.{kind}" for kind in KINDS}
    for kind, role in ROLES.items():
        refusal = found[f"approval.{kind}"]
        assert refusal.threshold == f"one {kind} approval by {role}"
        assert f"Let a {role} who did not make the model" in refusal.to_meet
        assert PEOPLE[kind] in refusal.to_meet.split("registered: ")[1]


def test_of_a_role_that_nobody_holds_it_is_said_how_somebody_gets_it(board: Room) -> None:
    board.revoke(PEOPLE["ethics"])
    refusal = next(one for one in ask(board).reasons if one.clause == "approval.ethics")
    assert "registered: nobody yet; register somebody with: pilothouse key new" in refusal.to_meet


def test_the_author_is_not_named_among_those_who_may_give_it(board: Room) -> None:
    refusal = next(one for one in ask(board, author=PEOPLE["privacy"]).reasons if one.clause == "approval.privacy")
    assert PEOPLE["privacy"] not in refusal.to_meet


def test_a_reason_stays_a_line_however_many_signed(board: Room) -> None:
    for number in range(60):
        board.register(f"person.{number}.of.the.privacy.office", ROLES["privacy"])
        say(board, "privacy", f"person.{number}.of.the.privacy.office", stage=Stage.ASSISTIVE)
    refusal = next(one for one in ask(board).reasons if one.clause == "approval.privacy")
    assert max(len(text) for text in refusal.to_json().values()) <= 2000
    assert "that of person.59.of.the.privacy.office is for stage assistive" in refusal.figure
    assert refusal.figure.endswith("; 55 more") and "56 more" in refusal.to_meet


def quorum(room: Room) -> None:
    with_policy(room, policy_with(workflow={"quorum": 2}))
    for kind in KINDS:
        say(room, kind)


def expired(room: Room) -> None:
    with_policy(room, policy_with(privacy={"valid_days": 10}))
    for kind in KINDS:
        say(room, kind, decided_on=NOW - timedelta(days=10) - (FROM_THEN_ON if kind == "privacy" else timedelta()))


def changed_digest(name: str) -> Callable[[Room], None]:
    def change(room: Room) -> None:
        other = Subject(**{**room.case.subject.to_json(), name: "9" * 64})
        for kind in KINDS:
            say(room, kind, **({"subject": other} if kind == "ethics" else {}))

    change.__name__ = f"changed_{name}"
    return change


def own_work(room: Room) -> None:
    for kind in KINDS:
        say(room, kind, **({"person": "mia.author"} if kind == "security" else {}))


def own_work_registered(room: Room) -> None:
    room.register("mia.author", ROLES["security"])
    own_work(room)


def another_stage(room: Room) -> None:
    for kind in KINDS:
        say(room, kind, **({"stage": Stage.ASSISTIVE} if kind == "training" else {}))


def another_role(room: Room) -> None:
    for kind in KINDS:
        if kind == "compliance":
            room.say(PEOPLE["privacy"], ROLES["privacy"], kind)
        else:
            say(room, kind)


def revoked(room: Room) -> None:
    for kind in KINDS:
        say(room, kind)
    room.revoke(PEOPLE["champions"], void_since=NOW - timedelta(days=300))


def refused(room: Room) -> None:
    for kind in KINDS:
        say(room, kind)
    say(room, "ethics", verdict="refuse")


def certified(**changes: Any) -> Callable[[Room], None]:
    def change(room: Room) -> None:
        for kind in KINDS:
            say(room, kind, **({"certificate": certificate(**changes)} if kind == "regulatory" else {}))

    change.__name__ = "certificate_" + "_".join(changes)
    return change


def uncertified(room: Room) -> None:
    for kind in KINDS:
        say(room, kind, **({"certificate": None} if kind == "regulatory" else {}))


REFUSALS: list[tuple[Callable[[Room], None], str, str]] = [
    (quorum, "approval.workflow", "1 of 2 workflow approvals"),
    (
        expired,
        "approval.privacy",
        "no valid privacy approval: that of privacy.person is 10.0 days old, at most 10 count",
    ),
    *(
        (changed_digest(name), "approval.ethics", f"that of ethics.person names another {name} digest")
        for name in ("model", "data", "contracts", "policy", "card")
    ),
    (own_work, "approval.security", "that of mia.author is by somebody who was not registered"),
    (own_work_registered, "approval.security", "is by the author, and nobody approves their own work"),
    (another_stage, "approval.training", "that of training.person is for stage assistive"),
    (another_role, "approval.compliance", "was given as privacy_officer, who may not decide this"),
    (revoked, "approval.champions", "was signed with a key that was revoked, and is void with it"),
    (refused, "approval.ethics", "ethics.person (ethics_chair) refused it"),
    (uncertified, "approval.regulatory", "that of regulatory.person carries no certificate"),
    (certified(region="EU"), "approval.regulatory", "certificate K-123, which is for EU and not for US"),
    (certified(intended_use="Replaces the nurse."), "approval.regulatory", "which is for another intended use"),
    (
        certified(expires_on=NOW.date() - timedelta(days=1)),
        "approval.regulatory",
        "certificate K-123, which expired on 2026-11-21",
    ),
]


@pytest.mark.parametrize(("change", "clause", "figure"), REFUSALS, ids=lambda one: getattr(one, "__name__", ""))
def test_each_of_these_alone_refuses_with_its_own_words(
    board: Room, change: Callable[[Room], None], clause: str, figure: str
) -> None:
    change(board)
    found = reasons(board)
    assert set(found) == {clause} and figure in found[clause]


def test_a_quorum_is_of_different_people_and_signing_twice_adds_nobody(board: Room) -> None:
    with_policy(board, policy_with(workflow={"quorum": 2}))
    for kind in KINDS:
        say(board, kind)
    say(board, "workflow")
    assert reasons(board) == {"approval.workflow": "1 of 2 workflow approvals"}
    board.register("second.person", ROLES["workflow"])
    say(board, "workflow", "second.person")
    answer = ask(board)
    assert answer.allowed and len(answer.approvals) == len(KINDS) + 1
    assert len({one.statement.person for one in answer.approvals}) == len(KINDS) + 1


def test_somebody_who_could_take_two_seats_takes_the_one_that_is_left(board: Room) -> None:
    """The latest word is preferred, and given up where another seat would stay empty."""
    board.register("both.person", ROLES["privacy"], ROLES["security"])
    for kind in KINDS:
        if kind != "security":
            say(board, kind)
    say(board, "privacy", "both.person")
    board.say("both.person", ROLES["security"], "security")
    seats = {one.statement.kind: one.statement.person for one in ask(board).approvals}
    assert (seats["privacy"], seats["security"]) == (PEOPLE["privacy"], "both.person")


def test_a_certificate_counts_until_the_end_of_its_last_day(agreed: Room) -> None:
    late = datetime.combine(NOW.date(), datetime.max.time(), UTC)
    assert ask(agreed, now=late).allowed
    agreed.case.now = late + FROM_THEN_ON
    assert set(reasons(agreed)) == {"approval.regulatory"}


def test_where_nobody_says_region_and_use_no_certificate_counts(agreed: Room) -> None:
    assert set(agreed.reasons()) == {"approval.regulatory"}


@pytest.mark.parametrize(("kind", "days"), [("model", 30), ("privacy", 5)])
def test_each_kind_holds_for_its_own_time(board: Room, kind: str, days: int) -> None:
    with_policy(board, policy_with(privacy={"valid_days": 5}))
    for each in KINDS:
        say(board, each, **({"decided_on": NOW - timedelta(days=days)} if each == kind else {}))
    assert ask(board).allowed
    board.case.now += FROM_THEN_ON
    assert set(reasons(board)) == {f"approval.{kind}"}


class TestStatement:
    def made(self, board: Room, **changes: Any) -> ApprovalStatement:
        members: dict[str, Any] = {
            "use_case": "triage",
            "site": "city",
            "stage": Stage.SHADOW,
            "kind": "regulatory",
            "person": PEOPLE["regulatory"],
            "role": ROLES["regulatory"],
            "subject": board.case.subject,
            "verdict": "approve",
            "decided_on": NOW,
            "certificate": certificate(),
        }
        return ApprovalStatement(**{**members, **changes})

    def test_with_a_certificate_has_a_schema_of_its_own_and_comes_back(self, board: Room) -> None:
        statement = self.made(board)
        assert statement.to_json()["schema"] == "pilothouse.approval/2"
        assert ApprovalStatement.from_json(statement.to_json()) == statement

    def test_without_one_is_word_for_word_as_before(self, board: Room) -> None:
        document = self.made(board, certificate=None).to_json()
        assert document["schema"] == "pilothouse.approval/1" and "certificate" not in document

    def test_of_another_kind_has_none(self, board: Room) -> None:
        with pytest.raises(ApprovalError, match="belongs to a regulatory approval"):
            self.made(board, kind="model")

    @pytest.mark.parametrize("member", ["number", "region", "intended_use"])
    @pytest.mark.parametrize("text", ["", " K-1", "x" * 2001])
    def test_certificate_needs_words(self, member: str, text: str) -> None:
        with pytest.raises(ApprovalError, match=f"certificate's {member}"):
            certificate(**{member: text})

    @pytest.mark.parametrize(
        "change",
        [
            {"certificate": None},
            {"certificate": {"number": "K"}},
            {"certificate": {"number": 1, "region": "US", "intended_use": "x", "expires_on": "2027-01-01"}},
            {"certificate": {"number": "K", "region": "US", "intended_use": "x", "expires_on": "20270101"}},
            {"certificate": {"number": "K", "region": "US", "intended_use": "x", "expires_on": "soon"}},
            {"schema": "pilothouse.approval/1"},
        ],
    )
    def test_that_was_changed_is_not_read(self, board: Room, change: dict[str, object]) -> None:
        with pytest.raises(ApprovalError):
            ApprovalStatement.from_json({**self.made(board).to_json(), **change})


class TestPolicy:
    def test_a_kind_that_nobody_knows_is_refused(self) -> None:
        text = (FOLDER / "triage.yaml").read_text("utf-8").replace("kind: safety", "kind: saftey")
        with pytest.raises(PolicyError, match="kind"):
            parse_policy(text, "test.yaml")

    def test_what_a_stage_says_goes_before_the_kind_and_the_kind_before_all(self) -> None:
        policy = policy_with(privacy={"quorum": 2, "valid_days": 3, "review_every_days": 4})
        assert policy.approvals_for(Stage.SHADOW) == KINDS
        need = {one.kind: one for one in policy.needs_for(Stage.SHADOW)}
        measures = [(one.quorum, one.valid_days, one.review_every_days) for one in (need["privacy"], need["model"])]
        assert measures == [(2, 3, 4), (1, 30, 182)]
        assert policy.need_for(Stage.ASSISTIVE, "privacy") not in (None, need["privacy"])
        assert policy.need_for(Stage.OFF, "nothing") is None

    @pytest.mark.parametrize("change", [{"quorum": 0}, {"valid_days": 0}, {"quorum": 10}, {"words": "x"}])
    def test_a_measure_that_cannot_be_is_refused(self, change: dict[str, object]) -> None:
        with pytest.raises(PolicyError, match="approvals"):
            policy_with(privacy=change)

    def test_asking_a_kind_twice_in_two_forms_is_refused(self) -> None:
        document = yaml.safe_load((FOLDER / "triage.yaml").read_text("utf-8"))
        document["stages"]["shadow"]["approvals"].append({"kind": "model", "quorum": 2})
        with pytest.raises(PolicyError, match="approval of shadow given twice: model"):
            parse_policy(yaml.safe_dump(document), "test.yaml")
