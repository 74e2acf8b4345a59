"""The demo's approvers: two people, two roles, two keys of their own in the demo's home.

What does not belong here: how approvals are checked.
"""

from pathlib import Path

from orchestration.settings import Settings
from orchestration.steps.record.actors import Actor, actor_of
from orchestration.steps.record.people import new_person
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.approval import record_verdict

APPROVERS = {
    "model": ("demo.clinical.safety", "clinical_safety_lead"),
    "workflow": ("demo.nursing.lead", "nursing_lead"),
}
NOTE = "Demo: signed by a key that the demo made; nobody reviewed anything."


def approve_as_demo(settings: Settings, use_case: str, site: str, stage: str) -> list[str]:
    """Sign both approvals of what is proposed for `stage`; returns the ledger hashes."""
    return [_sign(settings, use_case, site, stage, kind) for kind in APPROVERS]


def acting_as_demo(settings: Settings, kind: str) -> Actor:
    """The person who gives approvals of a kind, acting under their own key."""
    person, role = APPROVERS[kind]
    return actor_of(person, _key_of(settings, person, role)).required()


def _sign(settings: Settings, use_case: str, site: str, stage: str, kind: str) -> str:
    person, role = APPROVERS[kind]
    key = _key_of(settings, person, role)
    entry = record_verdict(settings, use_case, site, stage, kind, person, key, "approve", NOTE)
    return str(entry["hash"])


def _key_of(settings: Settings, person: str, role: str) -> Path:
    key = settings.keys / "demo" / f"{person}.pem"
    if not key.exists() or open_records(settings).people().current(person) is None:
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key.unlink(missing_ok=True)
        new_person(settings, person, (role,), key)
    return key
