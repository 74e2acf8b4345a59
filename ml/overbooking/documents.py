"""An advice as plain JSON values, `pilothouse.overbooking/1`: minutes, counts and sentences; nobody is named.

What does not belong here: computing any of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ml.overbooking.advise import Advice, Course
from ml.overbooking.flow import Spread

SCHEMA = "pilothouse.overbooking/1"
NOT_FOR = (
    "Never a reason to deny, delay or downgrade an appointment. Whoever was booked first is seen first; an extra "
    "booking is offered to whoever asks next, and people decide."
)
DECIMALS = 2


def advice_document(site: str | None, advices: Sequence[Advice]) -> dict[str, Any]:
    """The advice of a file of sessions."""
    return {
        "schema": SCHEMA,
        "site": site,
        "sessions": [session_document(one) for one in advices],
        "extra": sum(sum(one.extra) for one in advices),
        "not_for": NOT_FOR,
    }


def session_document(advice: Advice) -> dict[str, Any]:
    """One session: what is advised, inside which limits, and what it comes to beside none."""
    session, basis = advice.session, advice.basis
    return {
        "session": session.name,
        "clinic": session.clinic,
        "room": session.room.name,
        "clinician": session.clinician.name,
        "starts_at": session.starts_at.isoformat(),
        "ends_at": session.ends_at.isoformat(),
        "slots": len(session.slots),
        "booked": len(session.booked),
        "extra": sum(advice.extra),
        "slots_with_extra": [
            {"starts_at": slot.starts_at.isoformat(), "booked": len(slot.booked), "extra": more}
            for slot, more in zip(session.slots, advice.extra, strict=True)
            if more
        ],
        "why_none": advice.why_none,
        "basis": {"said": basis.said, "release": basis.release, "tier": basis.tier, "decided": basis.decided},
        "method": advice.method,
        "without": _course(advice.without),
        "advised": _course(advice.advised),
        "limits": _limits(advice),
    }


def _limits(advice: Advice) -> list[Mapping[str, Any]]:
    return [
        {"kind": kind, "value": one.value, "rule": one.rule, "source": one.source, "owner": one.owner}
        for kind, one in sorted(advice.limits.items())
    ]


def _course(course: Course | None) -> dict[str, Any] | None:
    """Expectations are exact under the stated assumptions; quantiles are of simulated sessions, but attendance and
    overtime, whose distributions are exact."""
    if course is None:
        return None
    flow, spread = course.expected, course.simulated
    return {
        "booked": course.booked,
        "attending": _distribution(flow.attending),
        "waiting_minutes_each": _spread(flow.waiting_each, spread.waiting_each),
        "idle_minutes": _spread(flow.idle, spread.idle),
        "overtime_minutes": _distribution(flow.overtime),
        "cost": round(course.cost, DECIMALS),
        "simulated_sessions": spread.sessions,
    }


def _distribution(found: Any) -> dict[str, float]:
    return {"expected": round(found.mean, DECIMALS), "lower": found.quantile(0.05), "upper": found.quantile(0.95)}


def _spread(mean: float, spread: Spread) -> dict[str, float]:
    return {
        "expected": round(mean, DECIMALS),
        "lower": round(spread.lower, DECIMALS),
        "upper": round(spread.upper, DECIMALS),
        "simulated_mean": round(spread.mean, DECIMALS),
        "standard_error": round(spread.standard_error, 4),
    }
