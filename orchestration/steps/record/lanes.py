"""Whether each challenger's pointer says what the ledger says: what nobody recorded is judged by nobody.

What does not belong here: the pointers to what is served (agreement), and putting a challenger there or taking it away
(releases/challenging, releases/withdrawing).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from evaluation.ledger import CHALLENGES, WITHDRAWN, Challenging, Entry, Readable, challengers
from ml.registry.challenger import Challenger, challenged_places, challenger_path, read_challenger
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from orchestration.settings import Settings
from orchestration.steps.errors import said
from orchestration.steps.record.agreement import Place
from orchestration.steps.record.pending import waiting

REMEDY = "Find out who changed it; then end it: pilothouse rollback USE_CASE --site SITE --challenger --reason TEXT"


@dataclass(frozen=True)
class Lane:
    """Beside what one place serves: the pointer that lies there (or why it cannot be trusted, `fault`), what is on
    record, and how they differ (empty when they agree)."""

    use_case: str
    site: str
    pointer: Challenger | None
    fault: str
    ordered: Challenging | None
    differs: str

    @property
    def generation(self) -> int:
        return 0 if self.pointer is None else self.pointer.generation

    @property
    def above(self) -> int:
        """A generation that is known to have been ordered."""
        return 0 if self.ordered is None else self.ordered.generation

    @property
    def release(self) -> str | None:
        """The challenger, where pointer and ledger agree upon it."""
        return None if self.problem or self.pointer is None else self.pointer.release

    @property
    def problem(self) -> str:
        """What a person must be told, in one sentence; empty when all is well."""
        where = f"{self.use_case} at {self.site}"
        if self.fault:
            return f"{where}: the challenger's pointer cannot be trusted and nothing is judged of it: {self.fault}"
        return f"{where}: CHALLENGER AND LEDGER DIFFER: {self.differs}. {REMEDY}" if self.differs else ""


def lanes(settings: Settings, records: Readable) -> dict[Place, Lane]:
    """Hold every challenger's pointer against the ledger; `records` must be a ledger that can be believed."""
    entries = _entries(settings, records)
    places = challenged_places(settings.home) | challengers(entries).keys()
    return {place: _lane(settings, entries, *place) for place in sorted(places)}


def lane_at(settings: Settings, records: Readable, use_case: str, site: str) -> Lane:
    """Hold one challenger's pointer against the ledger."""
    return _lane(settings, _entries(settings, records), use_case, site)


def lane_to_change(settings: Settings, records: Readable, use_case: str, site: str) -> Lane:
    """As `lane_at`, for whoever takes the next step: one that was recorded and never took effect is no difference,
    since asking for it again leads no further."""
    found, entries = lane_at(settings, records, use_case, site), _entries(settings, records)
    before = _before_the_last_step(_at(entries, use_case, site))
    is_as_before = before is not found.ordered and not _difference(found.pointer, before)
    return replace(found, differs="") if is_as_before and not found.fault else found


def _entries(settings: Settings, records: Readable) -> list[Entry]:
    """What people ordered: on the ledger, and in what waits to be recorded."""
    late = [one.order.entry() for one in waiting(settings) if one.order is not None]
    return [one for one in [*records.entries(), *late] if one.kind in CHALLENGES]


def _lane(settings: Settings, entries: Sequence[Entry], use_case: str, site: str) -> Lane:
    present = lies_at(settings, use_case, site)
    pointer, fault = (None, present) if isinstance(present, str) else (present, "")
    ordered = _ordered(_at(entries, use_case, site))
    return Lane(use_case, site, pointer, fault, ordered, "" if fault else _difference(pointer, ordered))


def _at(entries: Sequence[Entry], use_case: str, site: str) -> list[Entry]:
    return [one for one in entries if (one.payload["use_case"], one.payload["site"]) == (use_case, site)]


def _ordered(ours: Iterable[Entry]) -> Challenging | None:
    return next(iter(challengers(ours).values()), None)


def _before_the_last_step(ours: Sequence[Entry]) -> Challenging | None:
    """What was ordered before the last change, where the ledger precedes such a change; else what is ordered now."""
    now = _ordered(ours)
    for last in range(len(ours), 0, -1):
        if _ordered(ours[: last - 1]) != now:
            return now if ours[last - 1].kind == WITHDRAWN else _ordered(ours[: last - 1])
    return now


def lies_at(settings: Settings, use_case: str, site: str) -> Challenger | str | None:
    """Return what lies in the place of the pointer, or why it cannot be trusted; never raises."""
    try:
        path = challenger_path(settings.home, use_case, site)
        if not path.exists() and not path.is_symlink():
            return None
        public_key = load_public_key(settings.home / RELEASE_PUBLIC_KEY)
        return read_challenger(settings.home, use_case, site, public_key)
    except Exception as error:  # noqa: BLE001 - whatever lies there, it is told and never raised
        return said(error)


def _difference(pointer: Challenger | None, ordered: Challenging | None) -> str:
    """How a pointer differs from the orders on record, in words. No pointer is the same as one to nothing."""
    if pointer is None:
        expected = ordered and ordered.release
        return f"the ledger says {expected[:12]}, and the pointer is gone" if expected else ""
    if ordered is None:
        return "the pointer is there, and the ledger knows of no challenger here"
    pairs = {
        "release": (_short(ordered.release), _short(pointer.release)),
        "generation": (ordered.generation, pointer.generation),
        "entry": (_short(ordered.ledger_hash), _short(pointer.ledger_hash)),
    }
    if pointer.release is None or ordered.release is None:
        del pairs["entry"]  # nothing is vouched for
    return "; ".join(
        f"{name}: ledger {ours}, pointer {theirs}" for name, (ours, theirs) in pairs.items() if ours != theirs
    )


def _short(digest: str | None) -> str | None:
    return digest and digest[:12]
