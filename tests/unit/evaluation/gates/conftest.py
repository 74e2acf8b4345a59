"""Evidence that just meets the triage policy, and people who sign with real keys, without any store."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.evidence import Evidence, Figure, Subject
from evaluation.gates import authorise, decide
from evaluation.ledger import ApprovalStatement, People, instant_text, sign_approval
from evaluation.ledger.approval import RecordedApproval, recorded
from evaluation.ledger.entry import Entry, genesis_hash, make_entry
from evaluation.ledger.keys import public_hex
from evaluation.ledger.people import registration
from evaluation.policies import OtherFigure, Policy, Stage, load_policy

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
POLICY = load_policy("triage")
SUBJECT = Subject("1" * 64, "2" * 64, "3" * 64, POLICY.digest, "5" * 64, "6" * 64, "7" * 64, "8" * 64)


def meeting(policy: Policy) -> dict[str, dict[str, Figure]]:
    """Figures by kind that stand exactly on every threshold of the policy (just beyond where it is strict)."""
    figures: dict[str, dict[str, Figure]] = {}
    for clause in policy.clauses_for(Stage.DECISION_SUPPORT):
        of_kind = figures.setdefault(clause.kind, {})
        if isinstance(clause.threshold, OtherFigure):
            of_kind[clause.threshold.figure] = Figure(0.5)
        before = of_kind.get(clause.figure)
        threshold = clause.threshold if isinstance(clause.threshold, float) else 0.5
        step = {">": 1e-6, "<": -1e-6}.get(clause.comparison, 0.0)
        value = threshold + step
        is_low = clause.comparison in (">=", ">")
        lower, upper = (before.lower, before.upper) if before else (None, None)
        if clause.comparison == "present":
            value = 0.0
        elif is_low:
            lower = max(value, lower) if lower is not None else value
        else:
            upper = min(value, upper) if upper is not None else value
        of_kind[clause.figure] = Figure(
            _between(value, lower, upper),
            lower,
            upper,
            n=max(clause.min_n or 0, (before.n or 0) if before else 0, 1),
            n_events=max(clause.min_events or 0, (before.n_events or 0) if before else 0, 1),
        )
    return figures


def _between(value: float, lower: float | None, upper: float | None) -> float:
    low = value if lower is None else max(value, lower)
    return low if upper is None else min(low, upper)


@dataclass
class Case:
    """One release before the gate. Tests change one thing and ask again."""

    policy: Policy = POLICY
    subject: Subject = SUBJECT
    now: datetime = NOW
    stage: Stage = Stage.SHADOW
    figures: dict[str, dict[str, Figure]] = field(default_factory=lambda: meeting(POLICY))
    changes: dict[str, dict[str, object]] = field(default_factory=dict)
    extra: list[Evidence] = field(default_factory=list)

    def document(self, kind: str, **changes: object) -> Evidence:
        members = {
            "kind": kind,
            "use_case": "triage",
            "site": "city",
            "subject_model": self.subject.model,
            "subject_data": self.subject.data,
            "created_at": self.now - timedelta(days=1),
            "figures": self.figures[kind],
            "detail": {},
        }
        return Evidence(**{**members, **changes})

    def evidence(self) -> list[Evidence]:
        return [self.document(kind, **self.changes.get(kind, {})) for kind in self.figures] + self.extra

    def put(self, kind: str, figure: str, **changes: object) -> None:
        """Change one figure."""
        self.figures[kind][figure] = replace(self.figures[kind][figure], **changes)

    def decide(self, **changes: object):
        arguments = {"site": "city", "now": self.now, **changes}
        return decide(self.policy, self.stage, self.evidence(), self.subject, **arguments)

    def unmet(self, **changes: object) -> dict[str, str]:
        """Clause and reason of everything that is not met."""
        return {each.clause: each.reason for each in self.decide(**changes).results if not each.met}


LEDGER_KEY = Ed25519PrivateKey.from_private_bytes(b"the ledger's own key, for tests!")


@dataclass
class Room:
    """The people and what they signed, as entries of a ledger; ``ask`` puts it before the gate."""

    case: Case
    entries: list[Entry] = field(default_factory=list)
    people: People = field(default_factory=People)

    def __post_init__(self) -> None:
        self.register("anna.berg", "clinical_safety_lead")
        self.register("ben.stone", "nursing_lead")

    def write(self, kind: str, actor: str, payload: dict[str, object], at: datetime | None = None) -> Entry:
        previous = self.entries[-1].hash if self.entries else genesis_hash(public_hex(LEDGER_KEY))
        seq = len(self.entries) + 1
        entry = make_entry(
            LEDGER_KEY,
            seq=seq,
            at=at or self.case.now - timedelta(hours=12),
            kind=kind,
            actor=actor,
            payload=payload,
            previous=previous,
        )
        self.entries.append(entry)
        self.people.take_in(entry)
        return entry

    def key(self, person: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(person.encode().ljust(32, b".")[:32])

    def register(self, person: str, *roles: str, at: datetime | None = None) -> Entry:
        payload = registration(person, roles, self.key(person))
        return self.write("person_registered", "administrator", payload, at or NOW - timedelta(days=400))

    def revoke(self, person: str, at: datetime | None = None, void_since: datetime | None = None) -> Entry:
        """Revoke a key; what it signed before stays valid unless ``void_since`` names a time before."""
        payload = {"person": person, "public_key": public_hex(self.key(person)), "reason": "left"}
        payload |= {} if void_since is None else {"void_since": instant_text(void_since)}
        return self.write("key_revoked", "administrator", payload, at)

    def say(self, person: str, role: str, kind: str, *, key: str = "", **changes: object) -> RecordedApproval:
        members = {
            "use_case": "triage",
            "site": "city",
            "stage": self.case.stage,
            "kind": kind,
            "person": person,
            "role": role,
            "subject": self.case.subject,
            "verdict": "approve",
            "decided_on": self.case.now - timedelta(hours=12) + timedelta(seconds=len(self.entries)),
        }
        statement = ApprovalStatement(**{**members, **changes})
        signed = sign_approval(statement, self.key(key or person))
        word = "approval" if statement.verdict == "approve" else "refusal"
        return recorded(self.write(word, person, signed.to_payload()))

    def model_approval(self, **changes: object) -> RecordedApproval:
        return self.say("anna.berg", "clinical_safety_lead", "model", **changes)

    def workflow_approval(self, **changes: object) -> RecordedApproval:
        return self.say("ben.stone", "nursing_lead", "workflow", **changes)

    def said(self) -> list[RecordedApproval]:
        return [recorded(entry) for entry in self.entries if entry.kind in ("approval", "refusal")]

    def ask(self, **changes: object):
        arguments = {
            "policy": self.case.policy,
            "decision": changes.get("decision") or self.case.decide(),
            "approvals": self.said(),
            "subject": self.case.subject,
            "site": "city",
            "author": "mia.author",
            "people": self.people,
            "current": Stage.OFF,
            "now": self.case.now,
            **changes,
        }
        return authorise(**arguments)

    def reasons(self, **changes: object) -> dict[str, str]:
        return {reason.clause: reason.figure for reason in self.ask(**changes).reasons}


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.fixture
def room(case: Case) -> Room:
    return Room(case)
