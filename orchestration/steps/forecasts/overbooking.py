"""The step behind `overbook`: sessions in, one answer out; the risks are the released model's, or the file's own.

What does not belong here: the rules and the search (ml/overbooking), and how a risk is learned (ml/training).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.steps.answer import Answer
from orchestration.steps.errors import StepError

if TYPE_CHECKING:
    import pyarrow as pa

    from ml.overbooking import Basis, Session
    from ml.registry.store import VerifiedRelease

USE_CASE, OUTCOME = "appointments", "no_show"
AUTHORITIES = ("appointment", "Appointment")
"""Who numbers appointments: the clinic's system, in its table, and the record system's FHIR."""
GIVEN_BACK = ("cancelled", "rescheduled")
GIVEN = "risks given in the file; whoever gave them answers for them"
SEED_BYTES = 4


class SiteNotNamed(StepError):
    """Appointments are named by their numbers, and a number is of a site."""


@dataclass(frozen=True)
class Known:
    """What the published mart and the released model say of numbered appointments, and on which basis."""

    basis: "Basis"
    risks: Mapping[str, float]
    given_back: frozenset[str] = frozenset()


def overbook_file(settings: Settings, file: Path, site: str | None) -> Answer:
    """Advise on every session of a file."""
    from ml.overbooking import Basis
    from ml.overbooking.advise import advise
    from ml.overbooking.documents import advice_document
    from ml.overbooking.form import read_sessions
    from ml.overbooking.rules import standard_rules

    place = None if site is None else load_site(site)
    sessions = read_sessions(file)
    numbers = [one.appointment for session in sessions for one in session.booked if one.appointment is not None]
    if numbers and place is None:
        raise SiteNotNamed(f"{file.name} names appointments by their numbers; say whose with --site SITE.")
    known = _known(settings, place, numbers) if place is not None and numbers else Known(Basis(GIVEN), {})
    advices = [
        advise(one, standard_rules(), known.basis if _is_numbered(one) else Basis(GIVEN), seed=_seed(one.name))
        for one in (_as_booked(session, known) for session in sessions)
    ]
    document = advice_document(site, advices)
    return Answer(document, _words(document))


def _is_numbered(session: "Session") -> bool:
    return any(one.appointment is not None for one in session.booked)


def _seed(name: str) -> int:
    """A session's own seed, so that its figures do not depend on what else is in the file."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:SEED_BYTES], "big")


def _as_booked(session: "Session", known: Known) -> "Session":
    """The session with the risks that are known; whoever gave an appointment back is in it no more."""
    slots = tuple(
        replace(slot, booked=tuple(one for one in slot.booked if one.appointment not in known.given_back))
        for slot in session.slots
    )
    return replace(session, slots=slots).with_risks(known.risks)


def _known(settings: Settings, site: Site, numbers: Sequence[str]) -> Known:
    """Risks of numbered appointments under the release that is served; without one, why nothing may be advised."""
    from ml.overbooking import Basis
    from orchestration.steps.releases.proposal import current_pointer, released
    from orchestration.steps.releases.served import ServedTierUnknown, served_tier

    pointer = current_pointer(settings, USE_CASE, site.id)
    release = released(settings, pointer)
    if pointer is None or release is None:
        return Known(Basis("no release", why_none=f"no release of {USE_CASE} is served at {site.id}"), {})
    basis = Basis(f"model version {release.manifest.model.version}", release=release.digest, tier=pointer.tier.value)
    if pointer.stage.value == "shadow":
        return Known(replace(basis, why_none="the model is being observed; nothing is done by its risks"), {})
    try:
        tier = served_tier(settings, pointer).value
    except ServedTierUnknown as error:
        return Known(replace(basis, why_none=str(error)), {})
    if tier != "model":
        return Known(replace(basis, tier=tier, why_none=f"the model was stepped down from; tier {tier} answers"), {})
    return _scored(settings, site, release, basis, numbers)


def _scored(
    settings: Settings, site: Site, release: "VerifiedRelease", basis: "Basis", numbers: Sequence[str]
) -> Known:
    from ml.features.mart import read_snapshot
    from ml.training.bundle import load_bundle
    from ml.usecases import load_use_case

    model = load_bundle(release.model_folder, release.manifest.model.digest)
    trained: Any = model.trained["outcomes"]
    decided = int(trained[OUTCOME]["visits"])
    names = _names(settings, site, numbers)
    rows = _rows(read_snapshot(settings.snapshots, load_use_case(USE_CASE)).mart, site.id, list(names))
    keys, states = rows["visit_key"].to_pylist(), rows["status"].to_pylist()
    scores = model.predict(rows)[OUTCOME].tolist()
    given_back = {names[key] for key, state in zip(keys, states, strict=True) if state in GIVEN_BACK}
    eligible = rows["is_eligible"].to_pylist()
    risks = {names[key]: score for key, score, fits in zip(keys, scores, eligible, strict=True) if fits}
    return Known(replace(basis, decided=decided), risks, frozenset(given_back))


def _names(settings: Settings, site: Site, numbers: Sequence[str]) -> dict[str, str]:
    """Pseudonym -> the number it stands for, of whichever system numbers appointments."""
    from ml.features.pseudonym import pseudonym
    from orchestration.steps.intake.keys import site_key

    key = site_key(settings, site)
    return {pseudonym(key, authority, number): number for number in numbers for authority in AUTHORITIES}


def _rows(mart: "pa.Table", site: str, keys: Sequence[str]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = pc.call_function("is_in", [mart["visit_key"]], pc.SetLookupOptions(pa.array(keys, mart["visit_key"].type)))
    return mart.filter(pc.call_function("and", [chosen, pc.call_function("equal", [mart["site"], site])]))


def _words(document: Mapping[str, Any]) -> str:
    first = f"{document['extra']} extra bookings in {len(document['sessions'])} sessions"
    lines = [
        f"{one['session']}: {one['booked']} booked in {one['slots']} slots; {_advised(one)}"
        for one in document["sessions"]
    ]
    return "\n".join([first, *lines, str(document["not_for"])])


_MINUTES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "waiting": lambda course: f"{course['waiting_minutes_each']['expected']:.1f} min each",
    "idle": lambda course: f"{course['idle_minutes']['expected']:.0f} min",
    "overtime": lambda course: f"{course['overtime_minutes']['expected']:.0f} min",
}


def _advised(one: Mapping[str, Any]) -> str:
    if one["why_none"] is not None:
        return f"no overbooking: {one['why_none']}"
    times = ", ".join(f"{slot['starts_at'][11:16]} (+{slot['extra']})" for slot in one["slots_with_extra"])
    changed = "; ".join(
        f"{name} {say(one['advised'])} (without {say(one['without'])})" for name, say in _MINUTES.items()
    )
    return f"{one['extra']} more at {times}; expected {changed}"
