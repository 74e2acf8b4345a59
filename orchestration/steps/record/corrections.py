"""What a source had sent wrong and sent again: stated when an incident is closed, checked, and read back.

It sets visits apart where serving is held against the warehouse, which makes a step up possible; so it takes the
signature of somebody who may step up, an incident that says since when, and files that did land and replace records
of the features that were wrong.
What does not belong here: incidents themselves (incidents), what is done with the visits (learning/parity).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from evaluation.gates import may_step_up
from evaluation.ledger import Entry, People, instant_text, parse_instant, proof_of
from evaluation.policies import load_policy
from ml.usecases import UseCase, load_declaration, load_use_case
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.reread import read_receipt
from orchestration.settings import Settings
from orchestration.steps.errors import StepError, WrongUsage
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.records import instant, now, open_records
from orchestration.steps.record.replaced import Asked, replaced_records


class NotCorrected(StepError):
    """A correction that cannot be believed or may not be stated by this person; the message says why."""


@dataclass(frozen=True)
class SentAgain:
    """As it is stated: since when the source is right again, in which files (SHA-256), which features."""

    until: datetime
    files: tuple[str, ...]
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Correction:
    """As the ledger holds it: the incident, its feed, the features and the time in which they were wrong, the files
    that brought them again, and who signed."""

    incident: str
    feed: str
    features: frozenset[str]
    wrong_from: datetime
    wrong_until: datetime
    files: tuple[str, ...]
    by: str

    def may_explain(self, at: datetime, differing: frozenset[str]) -> bool:
        """Whether a visit scored at a time is of this fault, and differs in nothing but its features.

        Whether the source sent the visit's own records again is asked of the lake (replaced).
        """
        return self.wrong_from <= at < self.wrong_until and differing <= self.features

    def to_json(self) -> dict[str, Any]:
        """The correction as evidence tells it."""
        return {
            "incident": self.incident,
            "feed": self.feed,
            "features": sorted(self.features),
            "from": self.wrong_from.isoformat(),
            "until": self.wrong_until.isoformat(),
            "corrected_by": list(self.files),
            "closed_by": self.by,
        }


def sent_again(until: str | None, files: Sequence[str], features: Sequence[str]) -> SentAgain | None:
    """Return what was given on a command line; None where nothing was. Raises `WrongUsage` for half of it."""
    if until is None and not files and not features:
        return None
    if until is None or not files:
        raise WrongUsage("A correction takes --wrong-until TIME and --corrected-by SHA256, both.")
    return SentAgain(instant(until), tuple(files), tuple(features))


def checked(settings: Settings, incident: Mapping[str, Any], stated: SentAgain, actor: Actor) -> dict[str, Any]:
    """Return the ledger's member `corrected` of an incident that is being closed. Raises `NotCorrected`."""
    use_case, site, feed = str(incident["use_case"]), str(incident["site"]), incident["feed"]
    began = incident["occurred_at"]
    if began is None or feed is None:
        raise NotCorrected(
            f"Incident {incident['incident']} does not say since when it was or of which feed, so that nothing says "
            "which visits saw wrong values; open incidents with --since and --feed."
        )
    if not parse_instant(began) < stated.until <= now():
        raise NotCorrected(f"--wrong-until must lie after the incident began ({began}) and not in the future.")
    _require_right(settings, use_case, actor)
    columns = _features(use_case, str(feed), incident["detail"], stated)
    files = [_landed(settings, site, str(feed), one, parse_instant(began)) for one in stated.files]
    _require_replaced(settings, use_case, Asked(site, str(feed), tuple(files), parse_instant(began)), columns)
    return {
        "feed": feed,
        "columns": columns,
        "wrong_from": began,
        "wrong_until": instant_text(stated.until),
        "files": files,
    }


def _require_right(settings: Settings, use_case: str, actor: Actor) -> None:
    people = open_records(settings).people()
    refusal = may_step_up(load_policy(use_case), people, actor.name, now(), public_key=actor.public_key)
    if refusal is not None:
        raise NotCorrected(f"Who sets visits apart decides about a step up: {refusal.figure}; {refusal.to_meet}")


def _features(use_case: str, feed: str, detail: Mapping[str, Any], stated: SentAgain) -> list[str]:
    """The features of the fault: as stated, else those that jumped; each is one that the feed brings."""
    declared = load_declaration(use_case)
    known = declared.features if isinstance(declared, UseCase) else ()
    of_feed = {one.name for one in known if feed in one.sources}
    named = set(stated.features) or set(map(str, detail.get("jumped") or ()))
    if not named or not named <= of_feed:
        wrong = ", ".join(sorted(named - of_feed)) or "none named"
        raise NotCorrected(
            f"Of {wrong} nothing is a feature of {use_case} that {feed} brings; name what was wrong with --feature: "
            f"{', '.join(sorted(of_feed)) or 'it brings none'}."
        )
    return sorted(named)


def _require_replaced(settings: Settings, use_case: str, asked: Asked, features: Sequence[str]) -> None:
    """A file that replaced other records (a name, another reading) corrects nothing of this fault."""
    found = replaced_records(settings, load_use_case(use_case), asked, features)
    without = sorted(name for name, records in found.items() if not records)
    if without:
        raise NotCorrected(
            f"--corrected-by: the files replaced no record of {', '.join(without)} that came to {asked.site} before; "
            "name those that sent these readings again, or leave the feature out with --feature."
        )


def _landed(settings: Settings, site: str, feed: str, sha256: str, began: datetime) -> str:
    """The digest of a file that landed after the values went wrong, and replaced records."""
    folder = settings.home / "receipts" / site / feed
    receipts = [read_receipt(path) for path in folder.glob("*.json") if path.name.split(".")[0] == sha256]
    since = [one for one in receipts if _first_came(one) > began]
    if not any(one.superseded for one in since):
        known = "replaced no record" if since else f"came before the values went wrong ({began:%Y-%m-%d %H:%M} UTC)"
        found = known if receipts else f"is no landed file of {feed} at {site}"
        raise NotCorrected(f"--corrected-by {sha256[:16]}: it {found}; take the sha256 of the receipt that landed it.")
    return sha256


def _first_came(receipt: StoredReceipt) -> datetime:
    """When its bytes came: what is taken again from the quarantine is as old as it was."""
    return datetime.fromisoformat(receipt.first_arrived_at or receipt.arrived_at)


def corrections_of(settings: Settings, use_case: str, site: str) -> tuple[Correction, ...]:
    """Return what counts of a use case at a site, by beginning: incidents that are closed, with a finding, signed by
    somebody who might step up there and then, with a key of which nothing is void."""
    ledger = open_records(settings)
    people, closed = ledger.people(), dict[str, Entry]()
    for entry in ledger.entries(kinds=("incident_opened", "incident_closed"), use_case=use_case, site=site):
        name = str(entry.payload["incident"])
        if entry.kind == "incident_closed":
            closed[name] = entry
        else:
            closed.pop(name, None)  # opened again
    found = [_correction(entry) for entry in closed.values() if _counts(entry, use_case, people)]
    return tuple(sorted(found, key=lambda one: (one.wrong_from, one.incident)))


def _counts(entry: Entry, use_case: str, people: People) -> bool:
    said = entry.payload
    if not said.get("corrected") or not said.get("finding") or proof_of(entry) != "signature":
        return False
    key = cast("Mapping[str, str]", said["actor_proof"])["public_key"]
    refusal = may_step_up(load_policy(use_case), people, entry.actor, entry.at, public_key=key)
    return refusal is None and not people.is_void(key, entry.seq, entry.at)


def _correction(entry: Entry) -> Correction:
    said = cast("Mapping[str, Any]", entry.payload["corrected"])
    return Correction(
        incident=str(entry.payload["incident"]),
        feed=said["feed"],
        features=frozenset(said["columns"]),
        wrong_from=parse_instant(said["wrong_from"]),
        wrong_until=parse_instant(said["wrong_until"]),
        files=tuple(said["files"]),
        by=entry.actor,
    )
