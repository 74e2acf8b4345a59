"""Incidents of one cause together: what comes back again and again is a defect of the process, not one more incident.

Pure over the list of incidents. What does not belong here: opening and closing them (incidents).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestration.steps.record.actors import AUTOMATIC

REPEATED, WITHIN = 3, timedelta(days=90)
"""So many incidents of one cause at one site within a quarter, and mending each by itself was not enough."""
STAMP = re.compile(r"-\d[\dT-]{5,}(?=-|$)")
EVENT = re.compile(r"^(tier|outage)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
"""How incidents of the service were named before they said their cause: by the event alone."""
BY_ITSELF, OUTAGE = "serving-stepped-down", "serving-outage"
OF_SERVICE = {"tier": BY_ITSELF, "outage": OUTAGE}
RUN = re.compile(r"^run-[0-9a-f]{6,8}$")


@dataclass(frozen=True)
class Group:
    """The incidents of one cause at one use case and site, oldest first."""

    use_case: str
    site: str
    cause: str
    incidents: tuple[dict[str, Any], ...]

    @property
    def is_process_defect(self) -> bool:
        """Whether any quarter held as many as make a repeated cause."""
        at = [datetime.fromisoformat(one["opened_at"]) for one in self.incidents]
        return any(later - first <= WITHIN for first, later in zip(at, at[REPEATED - 1 :], strict=False))

    @property
    def sentence(self) -> str:
        """What is told of a process defect."""
        return (
            f"PROCESS DEFECT: {self.cause} came back {len(self.incidents)} times at {self.site} ({self.use_case}), "
            f"last on {self.incidents[-1]['opened_at'][:10]}. Mend what lets it come back, not only what it did."
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "use_case": self.use_case,
            "site": self.site,
            "cause": self.cause,
            "incidents": [one["incident"] for one in self.incidents],
            "open": sum(one["is_open"] for one in self.incidents),
            "first_at": self.incidents[0]["opened_at"],
            "last_at": self.incidents[-1]["opened_at"],
            "is_process_defect": self.is_process_defect,
        }


def cause_of(incident: dict[str, Any]) -> str:
    """What an incident is grouped by: the machine's own word, the finding of who closed it, else itself alone."""
    named = incident["detail"].get("cause") if incident["detail"] else None
    if named:
        return str(named)
    if incident["found_by"] == AUTOMATIC:
        name = str(incident["incident"])
        of_service = EVENT.fullmatch(name)
        if of_service:
            return OF_SERVICE[of_service[1]]
        return "failed-run" if RUN.fullmatch(name) else STAMP.sub("", name)
    return str(incident["finding"] or incident["incident"])


def groups_of(incidents: Iterable[dict[str, Any]]) -> list[Group]:
    """Group incidents by use case, site and cause; defects of the process first, then the latest."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for one in sorted(incidents, key=lambda one: one["opened_at"]):
        found.setdefault((one["use_case"], one["site"], cause_of(one)), []).append(one)
    groups = [Group(*key, tuple(members)) for key, members in found.items()]
    return _in_order(groups)


def _in_order(groups: Sequence[Group]) -> list[Group]:
    latest_first = sorted(groups, key=lambda group: group.incidents[-1]["opened_at"], reverse=True)
    return sorted(latest_first, key=lambda group: not group.is_process_defect)
