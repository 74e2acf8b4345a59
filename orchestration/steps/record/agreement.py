"""Whether the release pointers say what the ledger says: nobody may put an old one back, or take one away, unseen.

Here belong reading what lies in a pointer's place, whatever it is, and holding it against the orders on record. What
does not belong here: reading for serving (ml/serving), and setting things right (going_down).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evaluation.ledger import PROMOTED, InForce, Readable, in_force
from evaluation.policies import Stage
from ml.registry.pointer import Pointer, pointed_sites, pointer_path, read_pointer
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from orchestration.settings import Settings
from orchestration.steps.errors import said
from orchestration.steps.record.pending import waiting

Place = tuple[str, str]
"""A use case and a site."""


@dataclass(frozen=True)
class Present:
    """What lies in the place of a pointer: a pointer that can be trusted, nothing, or something else (`fault`)."""

    pointer: Pointer | None
    fault: str = ""

    @property
    def generation(self) -> int:
        return 0 if self.pointer is None else self.pointer.generation


@dataclass(frozen=True)
class Agreement:
    """One place: what lies there, what is on record, and how they differ (empty when they agree)."""

    use_case: str
    site: str
    present: Present
    ordered: InForce | None
    differs: str

    @property
    def problem(self) -> str:
        """What a person must be told, in one sentence; empty when all is well."""
        where = f"{self.use_case} at {self.site}"
        if self.present.fault:
            return f"{where}: the pointer cannot be trusted and nothing is served: {self.present.fault}"
        return f"{where}: POINTER AND LEDGER DIFFER: {self.differs}. {REMEDY}" if self.differs else ""


REMEDY = (
    "Find out who changed it; then set it right with: pilothouse rollback USE_CASE --site SITE --to off --reason TEXT"
)


def read_present(settings: Settings, use_case: str, site: str) -> Present:
    """Return what lies in the place of the pointer; never raises."""
    try:
        path = pointer_path(settings.home, use_case, site)
        if not path.exists() and not path.is_symlink():
            return Present(None)
        public_key = load_public_key(settings.home / RELEASE_PUBLIC_KEY)
        return Present(read_pointer(settings.home, use_case, site, public_key))
    except Exception as error:  # noqa: BLE001 - whatever lies there, it is told and never raised
        return Present(None, said(error))


def pointed_places(settings: Settings) -> set[Place]:
    """Return every use case and site in whose pointer's place something lies."""
    folders = [path for path in (settings.home / "pointers").glob("*") if path.is_dir()]
    return {(folder.name, site) for folder in folders for site in pointed_sites(settings.home, folder.name)}


def orders(settings: Settings, records: Readable) -> dict[Place, InForce]:
    """Return what people ordered last: on the ledger, and in what waits to be recorded."""
    late = [one.order.entry() for one in waiting(settings) if one.order is not None]
    return in_force([*records.entries(), *late])


def agreements(settings: Settings, records: Readable, also: Iterable[Place] = ()) -> list[Agreement]:
    """Hold every pointer against the ledger; `records` must be a ledger that can be believed."""
    ordered = orders(settings, records)
    places = sorted(pointed_places(settings) | ordered.keys() | set(also))
    return [_agreement(place, read_present(settings, *place), ordered) for place in places]


def agreement_at(
    settings: Settings, records: Readable, use_case: str, site: str, present: Present | None = None
) -> Agreement:
    """Hold one pointer (what lies there, or lay there) against the ledger.

    A promotion that was recorded and never took effect is no difference: asking for it again leads no further.
    """
    lies = present or read_present(settings, use_case, site)
    found = _agreement((use_case, site), lies, orders(settings, records))
    if not found.differs or found.ordered is None or found.ordered.kind not in PROMOTED:
        return found
    before = list(records.entries())
    last = max(n for n, entry in enumerate(before) if entry.kind in PROMOTED and _is_at(entry.payload, found))
    without = _agreement((use_case, site), lies, in_force(before[:last]))
    return without if not without.differs else found


def _is_at(payload: Mapping[str, object], place: Agreement) -> bool:
    return (payload.get("use_case"), payload.get("site")) == (place.use_case, place.site)


def _agreement(place: Place, present: Present, ordered: Mapping[Place, InForce]) -> Agreement:
    return Agreement(*place, present, ordered.get(place), difference(present, ordered.get(place)))


def difference(present: Present, ordered: InForce | None) -> str:
    """Return how a pointer differs from the orders on record, in words; empty when it says the same.

    Nothing in the pointer's place is the same as off: nothing is served.
    """
    pointer = present.pointer
    if present.fault:
        return f"the ledger says {_said(ordered)}, and the pointer cannot be trusted" if ordered else ""
    if pointer is None:
        return (
            ""
            if ordered is None or ordered.stage is Stage.OFF
            else f"the ledger says {_said(ordered)}, and the pointer is gone"
        )
    if ordered is None:
        return f"the pointer says {pointer.stage}, and the ledger knows of no release here"
    pairs = {
        "stage": (ordered.stage.value, pointer.stage.value),
        "release": (ordered.release and ordered.release[:12], pointer.release and pointer.release[:12]),
        "tier": (ordered.tier.value, pointer.tier.value),
        "generation": (ordered.generation, pointer.generation),
    }
    if pointer.release is None and ordered.release is None:
        del pairs["tier"]  # of what is off, nothing answers
    return "; ".join(
        f"{name}: ledger {ours}, pointer {theirs}" for name, (ours, theirs) in pairs.items() if ours != theirs
    )


def _said(ordered: InForce) -> str:
    return f"{ordered.stage}, generation {ordered.generation}"
