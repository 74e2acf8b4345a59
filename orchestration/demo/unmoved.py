"""What is served at other sites must stand after the pilot's fault as it stood before, with nothing to be told there.

What does not belong here: the fault (fault), and what those sites do meanwhile (elsewhere).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ml.usecases import use_case_names
from orchestration.demo.fault import FaultNotContained
from orchestration.settings import Settings
from orchestration.steps.record.incidents import list_incidents
from orchestration.steps.releases.proposal import current_pointer, served_sites
from orchestration.steps.releases.served import served_tier


@dataclass(frozen=True)
class Elsewhere:
    """How each use case stands at each other site, as (stage, tier that answers, generation of its pointer) by
    (use case, site), and the names of all incidents that were ever opened at another site or at all sites."""

    stands: Mapping[tuple[str, str], tuple[str, str, int]]
    incidents: frozenset[str]


def look_elsewhere(settings: Settings, pilot: str) -> Elsewhere:
    """Look at what is served at other sites than the pilot. Raises `ServedTierUnknown`, and `RegistryError` for a
    pointer that cannot be trusted."""
    others = [(one, site) for one in use_case_names() for site in served_sites(settings, one) if site != pilot]
    incidents = (one["incident"] for one in list_incidents(settings) if one["site"] != pilot)
    return Elsewhere({place: _stand(settings, *place) for place in others}, frozenset(incidents))


def require_unmoved(settings: Settings, pilot: str, before: Elsewhere, said: Mapping[str, str]) -> dict[str, str]:
    """Return what is `said` of each place, with how it stood throughout. Raises `FaultNotContained` where something
    served elsewhere moved, or an incident was opened there."""
    now = look_elsewhere(settings, pilot)
    moved = [f"{one} at {site}" for (one, site), stood in before.stands.items() if now.stands.get((one, site)) != stood]
    opened = sorted(now.incidents - before.incidents)
    if moved or opened:
        raise FaultNotContained(
            f"The fault is {pilot}'s alone, but elsewhere {', '.join(moved) or 'nothing'} moved and "
            f"{', '.join(opened) or 'no incident'} was opened; see: pilothouse ledger show"
        )
    told = dict(said)
    for (use_case, site), (stage, _, generation) in before.stands.items():
        stood = f"in {stage} throughout, unmoved (pointer generation {generation}, no step down, no incident)"
        place = f"{use_case} at {site}"
        told[place] = "; ".join([stood, told[place]] if place in told else [stood])
    return told


def _stand(settings: Settings, use_case: str, site: str) -> tuple[str, str, int]:
    pointer = current_pointer(settings, use_case, site)
    assert pointer is not None, "only a place that serves is looked at"
    return pointer.stage.value, served_tier(settings, pointer).value, pointer.generation
