"""A home with people, a ledger and a real signed release at one site: recorded as a promotion, and pointed to.

The gate is not asked here; everything else is as `promote` leaves it, so that orders can be given and things damaged.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from evaluation.evidence import Subject
from evaluation.ledger import ApprovalStatement, Entry, load_private_key, record_approval, sign_approval
from evaluation.policies import Stage
from ml.registry.challenger import publish_challenger
from ml.registry.pointer import Pointer, publish_pointer
from ml.registry.signing import new_private_key
from ml.registry.stages import Stage as ServedStage
from ml.registry.stages import Tier as ServedTier
from orchestration.settings import Settings
from orchestration.steps.record.actors import Actor, actor_of
from orchestration.steps.record.agreement import read_present
from orchestration.steps.record.people import new_person
from orchestration.steps.record.records import now, open_records
from tests.unit.ml.serving.homes import Home, tiny_model

from .conftest import digest

PEOPLE = {
    "ada": ("clinical_safety_lead", "model"),
    "noor": ("nursing_lead", "workflow"),
    "olga": ("operator", None),
    "mia": ("charge_nurse", None),
}
SITE, USE_CASE = "city", "triage"


@dataclass
class Governed:
    """A site under construction."""

    settings: Settings
    site: str = SITE
    releases: list[str] = field(default_factory=list)

    @staticmethod
    def at(settings: Settings, site: str = SITE) -> "Governed":
        for person, (role, _) in PEOPLE.items():
            key = settings.home / f"{person}.pem"
            if not key.exists():
                new_person(settings, person, (role,), key)
        return Governed(settings, site)

    def key(self, person: str) -> Path:
        return self.settings.home / f"{person}.pem"

    def signs(self, person: str) -> Actor:
        return actor_of(person, self.key(person))

    def release(self, stage: str = "assistive", text: str = "") -> str:
        """Promote a new release, in the place of the one that is pointed to; returns its digest."""
        home, at = Home.at(self.settings.home), now()
        present = self.pointer
        previous = present.release if present else None
        made = home.release(stage=stage, site=self.site, created_at=at.isoformat(), previous=previous)
        manifest = json.loads((self.settings.home / "releases" / made / "manifest.json").read_text())
        generation = (present.generation if present else 0) + 1
        payload = {
            "use_case": USE_CASE,
            "site": self.site,
            "from_stage": present.stage.value if present else "off",
            "stage": stage,
            "release": made,
            "previous": previous,
            "generation": generation,
            "subject": manifest["subject"],
            "decision": digest("decision"),
            "evidence": [{"kind": "performance", "digest": digest("evidence")}],
            "approvals": [self._approve(person, stage, manifest["subject"]) for person in ("ada", "noor")],
            "author": "mia.author",
        }
        open_records(self.settings).append("promotion", "os.tester", payload, at=now())
        publish_pointer(
            self.settings.home,
            use_case=USE_CASE,
            site=self.site,
            release=made,
            stage=ServedStage(stage),
            tier=ServedTier.MODEL,
            reason="test",
            issued_at=now(),
            signer=home.signer,
        )
        self.releases.append(made)
        return made

    def challenge(self, rounds: int = 13) -> str:
        """Put another model beside what is pointed to, as the first challenger here; returns its release."""
        home, at, beside = Home.at(self.settings.home), now(), self.pointer
        assert beside is not None
        made = home.release(model=tiny_model(rounds=rounds), stage="shadow", site=self.site, created_at=at.isoformat())
        subject = json.loads((self.settings.home / "releases" / made / "manifest.json").read_text())["subject"]
        payload = {
            "use_case": USE_CASE,
            "site": self.site,
            "stage": "shadow",
            "release": made,
            "beside": beside.release,
            "previous": None,
            "generation": 1,
            "subject": subject,
            "decision": digest("decision"),
            "evidence": [{"kind": "performance", "digest": digest("evidence")}],
            "approvals": [self._approve(person, "shadow", subject) for person in ("ada", "noor")],
            "author": "mia.author",
        }
        entry = open_records(self.settings).append("challenger", "os.tester", payload, at=now())
        words = {"use_case": USE_CASE, "site": self.site, "reason": "test", "issued_at": now(), "follows": 0}
        publish_challenger(self.settings.home, release=made, ledger_hash=entry.hash, signer=home.signer, **words)  # type: ignore[arg-type]
        return made

    def _approve(self, person: str, stage: str, subject: dict[str, str]) -> dict[str, str]:
        role, kind = PEOPLE[person]
        statement = ApprovalStatement(
            use_case=USE_CASE,
            site=self.site,
            stage=Stage(stage),
            kind=str(kind),
            person=person,
            role=role,
            subject=Subject(**subject),
            verdict="approve",
            decided_on=now(),
        )
        signed = sign_approval(statement, load_private_key(self.key(person)))
        entry = record_approval(open_records(self.settings), signed, at=now())
        return {"kind": str(kind), "person": person, "role": role, "ledger_hash": entry.hash}

    @property
    def pointer_file(self) -> Path:
        return self.settings.home / "pointers" / USE_CASE / f"{self.site}.json"

    @property
    def pointer(self) -> Pointer | None:
        return read_present(self.settings, USE_CASE, self.site).pointer

    @property
    def served(self) -> str:
        """The stage that a service could serve: off where nothing that can be trusted lies."""
        return self.pointer.stage.value if self.pointer else "off"

    def entries(self, *kinds: str) -> list[Entry]:
        open_records.cache_clear()
        return open_records(self.settings).entries(kinds=kinds)


Damage = Callable[[Governed], object]
HELD: dict[Path, bytes] = {}


def break_entry(one: Governed) -> None:
    """As somebody with the file would: the triggers are dropped first."""
    with sqlite3.connect(one.settings.home / "ledger.db") as database:
        for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {trigger}")
        database.execute("update pilothouse_entries set actor = 'mallory' where seq = 2")
    database.close()
    open_records.cache_clear()


def replace_ledger(one: Governed) -> None:
    (one.settings.home / "ledger.db").write_bytes(b"this was a database" * 500)
    open_records.cache_clear()


def remove_ledger(one: Governed) -> None:
    (one.settings.home / "ledger.db").unlink()
    open_records.cache_clear()


def remove_ledger_key(one: Governed) -> None:
    (one.settings.keys / "ledger.key.pem").unlink()
    open_records.cache_clear()


def open_ledger_key_to_all(one: Governed) -> None:
    (one.settings.keys / "ledger.key.pem").chmod(0o644)
    open_records.cache_clear()


def remove_checkpoint(one: Governed) -> None:
    (one.settings.home / "ledger.checkpoint").unlink()
    open_records.cache_clear()


LEDGER_DAMAGES: list[Damage] = [
    break_entry,
    replace_ledger,
    remove_ledger,
    remove_ledger_key,
    open_ledger_key_to_all,
    remove_checkpoint,
]


def lose_ledger(one: Governed) -> None:
    """The ledger and its checkpoint are gone: the next who asks makes an empty one, which verifies."""
    (one.settings.home / "ledger.db").unlink()
    remove_checkpoint(one)


def put_back_older_ledger(one: Governed) -> None:
    """A whole backup of the ledger, of before the release that is served."""
    files = [one.settings.home / name for name in ("ledger.db", "ledger.checkpoint")]
    before = [path.read_bytes() for path in files]
    one.release("assistive", text="later")
    open_records.cache_clear()
    for path, held in zip(files, before, strict=True):
        path.write_bytes(held)


LEDGERS_LOST: list[Damage] = [lose_ledger, put_back_older_ledger]
"""They leave a ledger that verifies, and that does not know what is served."""


def empty_pointer(one: Governed) -> None:
    one.pointer_file.write_bytes(b"")


def change_pointer(one: Governed) -> None:
    document = json.loads(one.pointer_file.read_text())
    one.pointer_file.write_text(json.dumps({**document, "stage": "decision_support"}))


def remove_pointer(one: Governed) -> None:
    one.pointer_file.unlink()


def link_pointer(one: Governed) -> None:
    one.pointer_file.rename(one.settings.home / "elsewhere")
    one.pointer_file.symlink_to(one.settings.home / "elsewhere")


def folder_for_pointer(one: Governed) -> None:
    one.pointer_file.unlink()
    (one.pointer_file / "deep").mkdir(parents=True)


POINTER_DAMAGES: list[Damage] = [empty_pointer, change_pointer, remove_pointer, link_pointer, folder_for_pointer]


def change_model(one: Governed) -> None:
    for path in (one.settings.home / "releases" / one.releases[-1] / "model").iterdir():
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b"\n")


def remove_manifest(one: Governed) -> None:
    (one.settings.home / "releases" / one.releases[-1] / "manifest.json").unlink()


def remove_releases(one: Governed) -> None:
    (one.settings.home / "releases").rename(one.settings.home / "lost")


RELEASE_DAMAGES: list[Damage] = [change_model, remove_manifest, remove_releases]


def remove_release_key(one: Governed) -> None:
    (one.settings.keys / "release.key.pem").unlink()


def remove_public_key(one: Governed) -> None:
    (one.settings.keys / "release.pub.pem").unlink()


def spoil_release_key(one: Governed) -> None:
    (one.settings.keys / "release.key.pem").write_text("no key")


def replace_release_key(one: Governed) -> None:
    """A whole key, of another pair than the public half beside it."""
    remove_release_key(one)
    new_private_key(one.settings.keys / "release.key.pem")


KEY_DAMAGES: list[Damage] = [remove_release_key, remove_public_key, spoil_release_key, replace_release_key]


def moment() -> str:
    return datetime.now(UTC).isoformat()
