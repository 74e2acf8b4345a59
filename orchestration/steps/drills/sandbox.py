"""The sandbox of a drill: a scratch home with a ledger, people and keys of its own; everything else in it is real.

Releases, pointers, triggers, rollback and ledger are the ones that run for real, over another home; nothing here can
touch what is served. What does not belong here: the order of a drill's steps (rehearsal).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.canonical import document_digest
from evaluation.ledger import ApprovalStatement, load_private_key, record_approval, sign_approval
from evaluation.policies import Stage
from ml.registry.manifest import EVERYWHERE
from ml.registry.signing import Signer
from ml.registry.store import model_files, write_release
from orchestration.settings import Settings
from orchestration.steps.learning.stores import bundle_folder
from orchestration.steps.record.actors import Actor, actor_of
from orchestration.steps.record.people import new_person
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.card import card_yaml
from orchestration.steps.releases.manifest import Standing, manifest_fields
from orchestration.steps.releases.proposal import Proposal, current_pointer
from orchestration.steps.releases.putting_up import GoingUp, put_up
from orchestration.steps.releases.release_keys import release_signer

NOBODY = document_digest({"rehearsal": True})
APPROVERS = {"model": "drill.model", "workflow": "drill.workflow"}
ON_CALL, AUTHOR = "drill.oncall", "drill.author"
BROKEN = b"this was a model"


@dataclass(frozen=True)
class Sandbox:
    """A scratch home for one proposal; `real` are the settings of the home that it is taken from."""

    real: Settings
    settings: Settings
    proposal: Proposal

    @staticmethod
    def at(scratch: Path, real: Settings, proposal: Proposal) -> "Sandbox":
        """Make the home, its people, and their keys."""
        settings = replace(
            real,
            home=scratch,
            ledger_url=f"sqlite:///{scratch / 'ledger.db'}",
            events_url=f"sqlite:///{scratch / 'events.db'}",
        )
        sandbox = Sandbox(real, settings, proposal)
        sandbox.key(ON_CALL).parent.mkdir()
        policy = proposal.policy
        roles = {person: sorted(policy.approvals.roles_for(kind))[0] for kind, person in APPROVERS.items()}
        for person, role in {**roles, ON_CALL: policy.rights.step_up_roles[0]}.items():
            new_person(settings, person, (role,), sandbox.key(person))
        return sandbox

    def key(self, person: str) -> Path:
        return self.settings.home / "people" / f"{person}.pem"

    def signing(self, person: str) -> Actor:
        return actor_of(person, self.key(person))

    @property
    def signer(self) -> Signer:
        return release_signer(self.settings)

    def release(self, stage: Stage, *, broken: bool = False) -> str:
        """Write the proposal as a release, with the scope left open; a broken one has a model that nobody can read."""
        proposal, bundle = self.proposal, bundle_folder(self.real, self.proposal.candidate)
        fields = manifest_fields(self.real, proposal, Standing(NOBODY, (), ()), created_at=now())
        by = [{"kind": kind, "person": one, "role": ON_CALL, "ledger_hash": NOBODY} for kind, one in APPROVERS.items()]
        fields |= {"previous": self._pointed, "stage": stage.value, "scope": EVERYWHERE.model_dump(mode="json")}
        fields["subject"] = {**fields["subject"], "scope": EVERYWHERE.digest}
        fields["approvals"] = by
        if broken:
            bundle = self._break(bundle)
            files = model_files(bundle)
            digest = document_digest(files)
            fields["model"] = {**fields["model"], "files": files, "digest": digest}
            fields["subject"] = {**fields["subject"], "model": digest}
        card = self.settings.home / "card.yaml"
        card.write_bytes(card_yaml(proposal.card))
        return write_release(self.settings.home, fields, bundle, card, self.signer)

    def _break(self, bundle: Path) -> Path:
        folder = self.settings.home / "broken"
        folder.mkdir()
        for path in bundle.iterdir():
            (folder / path.name).write_bytes(BROKEN)
        return folder

    @property
    def _pointed(self) -> str | None:
        entries = open_records(self.settings).entries(kinds=("promotion",))
        return str(entries[-1].payload["release"]) if entries else None

    def promote(self, release: str, subject: Mapping[str, str], stage: Stage) -> None:
        """Approve, record and point to a release, as a promotion does; the gate is not asked."""
        approvals = [self._approve(kind, person, subject, stage) for kind, person in APPROVERS.items()]
        use_case, site = self.proposal.use_case.use_case, self.proposal.site.id
        pointer = current_pointer(self.settings, use_case, site)
        going = GoingUp(
            use_case=use_case,
            site=site,
            from_stage=Stage(pointer.stage.value) if pointer else Stage.OFF,
            stage=stage,
            release=release,
            previous=self._pointed,
            subject=subject,
            decision=NOBODY,
            author=AUTHOR,
            policy=self.proposal.policy,
            current=pointer,
        )
        said = {"evidence": [{"kind": "rehearsal", "digest": NOBODY}], "approvals": approvals}
        put_up(self.settings, going, "promotion", said, Actor(ON_CALL), now(), self.signer)

    def _approve(self, kind: str, person: str, subject: Mapping[str, str], stage: Stage) -> dict[str, Any]:
        role = sorted(self.proposal.policy.approvals.roles_for(kind))[0]
        statement = ApprovalStatement(
            use_case=self.proposal.use_case.use_case,
            site=self.proposal.site.id,
            stage=stage,
            kind=kind,
            person=person,
            role=role,
            subject=type(self.proposal.subject)(**subject),
            verdict="approve",
            decided_on=now(),
        )
        signed = sign_approval(statement, load_private_key(self.key(person)))
        entry = record_approval(open_records(self.settings), signed, at=now())
        return {"kind": kind, "person": person, "role": role, "ledger_hash": entry.hash}
