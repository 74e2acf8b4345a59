"""Faults of people: who signs what is not theirs to sign, with a key that is not good, or goes faster than the stages.

What does not belong here: what is done to the record afterwards (record).
"""

from collections.abc import Callable
from datetime import timedelta

from evaluation.ledger import ApprovalStatement, load_private_key, record_approval, sign_approval
from evaluation.policies import Stage, load_policy
from orchestration.safety_case.board import Board
from orchestration.safety_case.faults import Barrier, BoardFault
from orchestration.safety_case.sandbox import PEOPLE, SITE, USE_CASE
from orchestration.steps.record.people import revoke_person
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.proposal import propose

FAMILY = "governance"
BOTH = "case.both"
(SAFETY, SAFETY_ROLE), (NURSING, NURSING_ROLE) = PEOPLE["model"], PEOPLE["workflow"]


def _self_approval(board: Board) -> None:
    board.register(board.author, SAFETY_ROLE)
    board.fault_is_in()
    board.approve("model", board.author)
    board.approve("workflow")
    board.promote()


def _one_for_both(board: Board) -> None:
    board.register(BOTH, SAFETY_ROLE, NURSING_ROLE)
    board.fault_is_in()
    board.approve("model", BOTH)
    board.approve("workflow", BOTH)
    board.promote()


def _one_approval(board: Board) -> None:
    board.approve("model")
    board.promote()


def _without_the_role(board: Board) -> None:
    board.approve("model", NURSING)
    board.approve("workflow")
    board.promote()


def _anothers_key(board: Board) -> None:
    """The nursing lead signs in the name of the safety lead."""
    board.approve("model", SAFETY, board.sandbox.key(NURSING))
    board.approve("workflow")
    board.promote()


def _revoked_key(board: Board) -> None:
    revoke_person(board.settings, SAFETY, "The key was on a laptop that is lost.")
    board.fault_is_in()
    board.approve_all()
    board.promote()


def _stolen_key(board: Board) -> None:
    """The theft is found after both had signed: what was signed since then is void."""
    since = now() - timedelta(hours=1)
    board.approve_all()
    revoke_person(board.settings, SAFETY, "The key was copied.", since=since.isoformat())
    board.fault_is_in()
    board.promote()


def _expired(board: Board) -> None:
    """Both signed a day longer ago than the policy lets an approval be."""
    at = now() - timedelta(days=load_policy(USE_CASE).approvals.valid_days + 1)
    subject = propose(board.settings, USE_CASE, SITE, Stage.SHADOW).subject
    for kind, (person, role) in PEOPLE.items():
        statement = ApprovalStatement(
            use_case=USE_CASE,
            site=SITE,
            stage=Stage.SHADOW,
            kind=kind,
            person=person,
            role=role,
            subject=subject,
            verdict="approve",
            decided_on=at,
        )
        signed = sign_approval(statement, load_private_key(board.sandbox.key(person)))
        with board.told():
            record_approval(open_records(board.settings), signed, at=now())
    board.promote()


def _skipped_stage(board: Board) -> None:
    board.approve_all()
    board.promote(Stage.ASSISTIVE)


def _fault(name: str, title: str, done: str, alarm: str, act: Callable[[Board], None]) -> BoardFault:
    """A fault that the gate must refuse by this clause, or by this kind of refusal."""
    return BoardFault(id=name, family=FAMILY, title=title, done=done, barrier=Barrier.GATE, alarm=(alarm,), act=act)


PEOPLE_FAULTS = (
    _fault(
        "self-approval",
        "Self-approval",
        "The author of the model holds the safety lead's role and signs the approval of the model.",
        "approval.model",
        _self_approval,
    ),
    _fault(
        "one-person-both",
        "One person, both approvals",
        "One person with both roles signs both.",
        "approvals-by-different-people",
        _one_for_both,
    ),
    _fault(
        "one-approval",
        "An approval is missing",
        "Only the model is approved, and it is promoted.",
        "approval.workflow",
        _one_approval,
    ),
    _fault(
        "wrong-role",
        "Approval without the role",
        "The nursing lead approves the model.",
        "UnknownApprover",
        _without_the_role,
    ),
    _fault(
        "anothers-key",
        "Signed with another's key",
        "The approval of the safety lead is signed with the key of the nursing lead.",
        "RefusedEntryError",
        _anothers_key,
    ),
    _fault(
        "revoked-key",
        "Approval by a revoked key",
        "The key is revoked, and then signs.",
        "RefusedEntryError",
        _revoked_key,
    ),
    _fault(
        "stolen-key",
        "Approval by a key that was stolen",
        "Both signed; then one key is revoked as stolen since before that.",
        "approval.model",
        _stolen_key,
    ),
    _fault(
        "expired-approval",
        "Expired approvals",
        "Both were signed longer ago than the policy allows.",
        "approval.model",
        _expired,
    ),
    _fault(
        "skipped-stage",
        "A stage is skipped",
        "With approvals for shadow, the model is asked straight into assistive.",
        "one-stage-at-a-time",
        _skipped_stage,
    ),
)
