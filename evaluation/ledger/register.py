"""What the ledger says so far, as far as the next entry must agree with it.

The same rules are asked twice: before an entry is written, and again by ``verify`` over the whole chain, so
that neither a careless caller nor somebody who holds only the ledger's key can put words into a person's
mouth. Whether a release may be promoted is not asked here but in ``gates/``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from evaluation.evidence import Json
from evaluation.ledger.act import SIGNED_KINDS, is_act_of, proof_of, signature_of, signed_at
from evaluation.ledger.approval import ApprovalStatement, recorded, verify_approval
from evaluation.ledger.entry import Entry, instant_text, parse_instant
from evaluation.ledger.errors import RefusedEntryError
from evaluation.ledger.people import People, is_proven, is_wanted
from evaluation.policies.stage import Tier

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks of two processes that write one ledger may differ."""

LONGEST_GLASS = timedelta(days=3)
"""No policy may allow more (``policies/rollback.py``); the ledger holds even whoever changes the policy to it."""


@dataclass(slots=True)
class Register:
    """Built up entry by entry with :meth:`admit`. ``latest_at`` is the latest time recorded so far."""

    people: People = field(default_factory=People)
    latest_at: datetime | None = None
    _signatures: set[str] = field(default_factory=set[str])
    _statements: dict[str, ApprovalStatement] = field(default_factory=dict[str, ApprovalStatement])
    _reviews: dict[str, Entry] = field(default_factory=dict[str, Entry])
    """Reviews of a feed's meaning that wait for an answer, by name: as they were opened, or joined last."""
    _patterns: dict[str, str] = field(default_factory=dict[str, str])
    """What waits for an answer is known by these, each with the review that it stands in."""
    _changes: dict[str, Entry] = field(default_factory=dict[str, Entry])
    """Planned changes that were not cancelled, by name."""
    _change_names: set[str] = field(default_factory=set[str])

    def admit(self, entry: Entry) -> None:
        """Take the entry in. Raises :class:`RefusedEntryError` when it contradicts what was there before."""
        if self.latest_at is not None and entry.at < self.latest_at - CLOCK_SKEW:
            raise RefusedEntryError(
                f"it is dated {instant_text(entry.at)}, before the entry of {instant_text(self.latest_at)}; a"
                " ledger has one clock: what took effect earlier says so in effective_at"
            )
        if entry.effective_at > entry.at + CLOCK_SKEW:
            raise RefusedEntryError("it takes effect after it was recorded; its effective_at is no later than now")
        check = _CHECKS.get(entry.kind)
        if check is not None:
            check(self, entry)
        if entry.kind not in SIGNED_KINDS and proof_of(entry) == "signature":
            self._check_act(entry)
        self.people.take_in(entry)
        self.latest_at = entry.at if self.latest_at is None else max(entry.at, self.latest_at)

    def _check_act(self, entry: Entry) -> None:
        known = self.people.current(entry.actor)
        if known is None:
            raise RefusedEntryError("its actor is not registered, so that no key proves who signed it")
        if self.people.is_revoked(known.public_key):
            raise RefusedEntryError("its actor's key was revoked; register a new one")
        if not is_act_of(entry, known.public_key):
            raise RefusedEntryError("it is not signed with the key that its actor registered")
        if signed_at(entry) > entry.at + CLOCK_SKEW:
            raise RefusedEntryError("it was signed after it was recorded; set the clock where it was signed")
        if signature_of(entry) in self._signatures:
            raise RefusedEntryError("this very act is in the ledger already; a new one is signed anew")
        self._signatures.add(signature_of(entry))

    def _check_registration(self, entry: Entry) -> None:
        payload = cast("Mapping[str, str]", entry.payload)
        self._check_key(entry)
        if entry.actor == payload["person"]:
            raise RefusedEntryError("people do not register themselves; somebody else gives them their roles")
        known = self.people.current(payload["person"])
        if known is None or known.public_key == payload["public_key"]:
            return
        if not self.people.is_revoked(known.public_key):
            raise RefusedEntryError("the person has another key that still counts; revoke it first")
        self._require_new(payload["public_key"])

    def _require_new(self, public_key: str) -> None:
        """Refuse a key that somebody had before: whoever kept the old file would speak for them again."""
        if self.people.owner_of(public_key) is not None:
            raise RefusedEntryError("the person had this key before; a key that was given up does not come back")

    def _check_key(self, entry: Entry) -> None:
        """A key is somebody's own, was not given up, and who holds it signs."""
        payload = cast("Mapping[str, str]", entry.payload)
        owner = self.people.owner_of(payload["public_key"])
        if owner not in (None, payload["person"]):
            raise RefusedEntryError("this public key belongs to somebody else already; every person has their own")
        if self.people.is_revoked(payload["public_key"]):
            raise RefusedEntryError("this public key was revoked; make a new one")
        if not is_proven(entry.payload):
            raise RefusedEntryError("the registration is not signed by the key it registers")

    def _check_rotation(self, entry: Entry) -> None:
        payload = cast("Mapping[str, str]", entry.payload)
        self._check_key(entry)
        known = self.people.current(payload["person"])
        if known is None or entry.actor != payload["person"]:
            raise RefusedEntryError("only somebody who is registered changes their own key")
        if payload["previous_key"] != known.public_key or self.people.is_revoked(known.public_key):
            raise RefusedEntryError("the key before is not one of this person's that still counts")
        self._require_new(payload["public_key"])
        if frozenset(cast("Sequence[str]", entry.payload["roles"])) != known.roles:
            raise RefusedEntryError("a new key changes no roles; somebody else gives those")
        if not is_wanted(entry.payload):
            raise RefusedEntryError("it is not signed with the key that it replaces")

    def _check_revocation(self, entry: Entry) -> None:
        payload = cast("Mapping[str, str]", entry.payload)
        if self.people.owner_of(payload["public_key"]) != payload["person"]:
            raise RefusedEntryError("this person never registered the key that is to be revoked")
        if payload.get("void_since") and parse_instant(payload["void_since"]) > entry.at:
            raise RefusedEntryError(
                "what it voids begins after the revocation; name the time since which not to trust it"
            )

    def _check_approval(self, entry: Entry) -> None:
        approval = recorded(entry)
        statement = approval.statement
        known = self.people.current(statement.person)
        if entry.actor != statement.person:
            raise RefusedEntryError("its actor is not the person who signed the statement")
        if known is None:
            raise RefusedEntryError("the person is not registered; register them with their public key first")
        if self.people.is_revoked(known.public_key):
            raise RefusedEntryError("the person's key was revoked; register a new one")
        if not verify_approval(approval.signed, known.public_key):
            raise RefusedEntryError("the statement is not signed with the key the person registered")
        if statement.role not in known.roles:
            raise RefusedEntryError(f"the person does not hold the role {statement.role}")
        if statement.decided_on > entry.at + CLOCK_SKEW:
            raise RefusedEntryError("the decision is dated after it was recorded; set the clock where it was signed")
        if approval.signed.signature in self._signatures:
            raise RefusedEntryError("this very statement is in the ledger already; a new decision is a new statement")
        self._signatures.add(approval.signed.signature)
        self._statements[entry.hash] = statement

    def _check_promotion(self, entry: Entry) -> None:
        references = cast("Sequence[Mapping[str, str]]", entry.payload["approvals"])
        for reference in references:
            statement = self._statements.get(reference["ledger_hash"])
            if statement is None or statement.to_json() != _promised(entry.payload, reference, statement):
                raise RefusedEntryError(
                    f"its {reference['kind']} approval is not in the ledger for this subject, site and stage"
                )
        names = [reference["person"] for reference in references]
        if len(set(names)) < len(names) or entry.payload["author"] in names:
            raise RefusedEntryError("its approvals are not by different people, none of them the author")

    def _check_tier(self, entry: Entry) -> None:
        before, after = (Tier(cast("str", entry.payload[member])) for member in ("from_tier", "tier"))
        if entry.payload["is_automatic"] and after.rank <= before.rank:
            raise RefusedEntryError("a tier steps up, or stays, by itself; only a person steps up")

    def _check_glass(self, entry: Entry) -> None:
        payload = cast("Mapping[str, str]", entry.payload)
        if proof_of(entry) != "signature":
            raise RefusedEntryError("nobody breaks the glass without their own signature")
        if entry.actor == payload["author"]:
            raise RefusedEntryError("nobody breaks the glass for their own work")
        length = parse_instant(payload["until"]) - entry.at
        if not timedelta(0) < length <= LONGEST_GLASS:
            raise RefusedEntryError("a broken glass ends after it was broken, and within three days")

    def _check_review(self, entry: Entry) -> None:
        name = str(entry.payload["review"])
        waiting = [self._patterns[one] for one in _patterns_of(entry) if one in self._patterns]
        if name in self._reviews or waiting:
            raise RefusedEntryError(f"the review {(waiting or [name])[0]} of the same change waits for its answer")
        self._take_review(entry)

    def _check_joined(self, entry: Entry) -> None:
        waiting = self._reviews.get(str(entry.payload["review"]))
        if waiting is None:
            raise RefusedEntryError("no review of that name waits, which further changes could join")
        if any(waiting.payload[member] != entry.payload[member] for member in ("site", "feed", "pattern")):
            raise RefusedEntryError("it is not of the site, the feed or the change that the review is about")
        known = [self._patterns[one] for one in _patterns_of(entry) if one in self._patterns]
        if known:
            raise RefusedEntryError(f"what would join stands in the review {known[0]} already, which waits")
        self._take_review(entry)

    def _take_review(self, entry: Entry) -> None:
        name = str(entry.payload["review"])
        self._reviews[name] = entry
        self._patterns.update(dict.fromkeys(_patterns_of(entry), name))

    def _check_answer(self, entry: Entry) -> None:
        name = str(entry.payload["review"])
        opened = self._reviews.pop(name, None)
        if opened is None:
            raise RefusedEntryError("no review of that name waits for an answer")
        if any(opened.payload[member] != entry.payload[member] for member in ("site", "feed", "pattern", "document")):
            raise RefusedEntryError("it does not answer what the review put to its reader")
        self._patterns = {pattern: review for pattern, review in self._patterns.items() if review != name}

    def _check_planned(self, entry: Entry) -> None:
        payload = cast("Mapping[str, str]", entry.payload)
        if payload["change"] in self._change_names:
            raise RefusedEntryError(f"a change of the name {payload['change']} was planned before")
        starts_at, until = parse_instant(payload["starts_at"]), parse_instant(payload["until"])
        if not entry.at < until or not starts_at < until:
            raise RefusedEntryError("a planned change ends after it begins, and after it was planned")
        self._change_names.add(payload["change"])
        self._changes[payload["change"]] = entry

    def _check_cancelled(self, entry: Entry) -> None:
        payload = cast("Mapping[str, str]", entry.payload)
        planned = self._changes.get(payload["change"])
        if planned is None or any(planned.payload[one] != payload[one] for one in ("use_case", "site")):
            raise RefusedEntryError("no planned change of that name stands there")
        if entry.at >= parse_instant(str(planned.payload["until"])):
            raise RefusedEntryError("its window is over; what did not happen was missed, and stays on record as that")
        del self._changes[payload["change"]]


def _patterns_of(entry: Entry) -> list[str]:
    """What the changes of an entry about a review are known by."""
    payload = entry.payload
    return [str(one) for one in cast("Sequence[str]", payload.get("patterns") or [payload["pattern"]])]


def _promised(
    payload: Mapping[str, Json], reference: Mapping[str, str], statement: ApprovalStatement
) -> dict[str, Json]:
    """The statement as it would read if it approved exactly this promotion."""
    return {
        **statement.to_json(),
        **{member: payload[member] for member in ("use_case", "site", "stage", "subject")},
        **{member: reference[member] for member in ("kind", "person", "role")},
        "verdict": "approve",
    }


_CHECKS: Mapping[str, Callable[[Register, Entry], None]] = {
    "person_registered": Register._check_registration,  # pyright: ignore[reportPrivateUsage] - same module
    "key_rotated": Register._check_rotation,  # pyright: ignore[reportPrivateUsage]
    "key_revoked": Register._check_revocation,  # pyright: ignore[reportPrivateUsage]
    "approval": Register._check_approval,  # pyright: ignore[reportPrivateUsage]
    "refusal": Register._check_approval,  # pyright: ignore[reportPrivateUsage]
    "promotion": Register._check_promotion,  # pyright: ignore[reportPrivateUsage]
    "challenger": Register._check_promotion,  # pyright: ignore[reportPrivateUsage]
    "break_glass": Register._check_glass,  # pyright: ignore[reportPrivateUsage]
    "tier_change": Register._check_tier,  # pyright: ignore[reportPrivateUsage]
    "meaning_review_opened": Register._check_review,  # pyright: ignore[reportPrivateUsage]
    "meaning_review_joined": Register._check_joined,  # pyright: ignore[reportPrivateUsage]
    "meaning_review_answered": Register._check_answer,  # pyright: ignore[reportPrivateUsage]
    "change_planned": Register._check_planned,  # pyright: ignore[reportPrivateUsage]
    "change_cancelled": Register._check_cancelled,  # pyright: ignore[reportPrivateUsage]
}
