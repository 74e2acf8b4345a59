"""Service levels as a document and as lines to read.

What does not belong here: judging.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from evaluation.slo import Standing


def document(site: str, one: Standing) -> dict[str, Any]:
    """An objective at a site: what was promised, what was held, what is left, how fast it burns, and where."""
    objective = one.objective
    return {
        "objective": objective.name,
        "title": objective.title,
        "use_case": objective.use_case,
        "site": site,
        "target": objective.target,
        "window_days": objective.window / timedelta(days=1),
        "owner": objective.owner,
        "now": one.now.isoformat(),
        **_figures(one),
        "burn": [
            {"alert": b.alert.name, "threshold": b.alert.burn, "long": b.long, "short": b.short, "fires": b.fires}
            for b in one.burns
        ],
        "groups": [{"by": g.group[0], "value": g.group[1], **_figures(g)} for g in one.groups if g.group],
    }


def _figures(one: Standing) -> dict[str, Any]:
    good = one.good
    return {
        "n": good.n,
        "share": good.value,
        "lower": good.lower,
        "upper": good.upper,
        "is_met": one.is_met,
        "budget_spent": one.spent,
    }


def table(found: Sequence[dict[str, Any]]) -> str:
    """A line for each objective, those that are missed first."""
    if not found:
        return "Nothing is served and no feed has come: there is no service level to tell."
    order = sorted(found, key=lambda one: (one["is_met"] is not False, one["site"], one["objective"]))
    return "\n".join(_line(one) for one in order)


def _line(one: dict[str, Any]) -> str:
    if not one["n"]:
        return f"{one['site']:<8} {one['objective']:<26} nothing happened in {one['window_days']:g} days"
    said = "met" if one["is_met"] else "MISSED"
    fires = ", ".join(burn["alert"] for burn in one["burn"] if burn["fires"])
    return (
        f"{one['site']:<8} {one['objective']:<26} {said:<6} {100 * one['share']:6.2f} % of {one['n']:,} "
        f"(promised {100 * one['target']:g} %), {100 * one['budget_spent']:.0f} % of the budget spent"
        + (f"; burning: {fires}" if fires else "")
    )


def words(span: timedelta) -> str:
    """A span in its largest whole unit."""
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if span >= size and not span % size:
            count = span // size
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{span.total_seconds():g} seconds"
