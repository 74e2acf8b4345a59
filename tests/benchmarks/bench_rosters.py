"""Rosters at work: the published instances, one of twice the size of the largest, a conflict, a sick call.

Here belongs what is measured; `stages.py` runs it in a process of its own.
"""

import random
import time
from pathlib import Path
from typing import Any

from ml.rostering import Problem, read_event, read_problem, repair, solve
from ml.rostering.form import parse_form
from ml.rostering.nrp24 import parse_nrp24
from tests.benchmarks.measuring import Cost
from tests.benchmarks.report import Figure
from tests.unit.ml.rostering.wards import text, ward

BEST_KNOWN = {1: 607, 2: 828, 3: 1001, 4: 1716, 5: 1143}  # schedulingbenchmarks.org
DAYS, SEED = 28, 7
ROSTERS = "rosters"
TO_BEST_SECONDS, CONFLICT_SECONDS, REPAIR_SECONDS, LARGE_GAP_PERCENT = 60.0, 10.0, 5.0, 2.0
"""What was promised: the best known cost, a conflict in words, a roster after an event; and above the proven bound."""


def drawn(staff: int, seed: int = SEED) -> Problem:
    """A problem like the benchmark's instance 5 (16 people, 28 days, two shifts), of any number of people."""
    draw = random.Random(seed)
    names = [f"P{number}" for number in range(staff)]
    contracts = [
        f"{name},E=28|L={draw.choice([0, 14, 14])},8640,7560,{draw.choice(['5,2,2,2', '6,2,3,3'])}" for name in names
    ]
    off = [f"{name},{','.join(map(str, sorted(draw.sample(range(DAYS), 2))))}" for name in names]
    wishes: dict[bool, list[str]] = {True: [], False: []}
    for name in names:
        for _ in range(2):
            shift, weight, is_on, first = (
                draw.choice("EL"),
                draw.randint(1, 3),
                draw.random() < 0.65,
                draw.randrange(24),
            )
            wishes[is_on] += [
                f"{name},{day},{shift},{weight}" for day in range(first, first + draw.randint(2, 5)) if day < DAYS
            ]
    cover = [
        f"{day},{shift},{max(1, round(draw.gauss(staff * share, staff / 16)))},100,1"
        for day in range(DAYS)
        for shift, share in (("E", 0.4), ("L", 0.24))
    ]
    parts = {
        "HORIZON": [str(DAYS)],
        "SHIFTS": ["E,480,", "L,480,E"],
        "STAFF": contracts,
        "DAYS_OFF": off,
        "SHIFT_ON_REQUESTS": wishes[True],
        "SHIFT_OFF_REQUESTS": list(dict.fromkeys(wishes[False])),
        "COVER": cover,
    }
    return parse_nrp24("".join(f"SECTION_{name}\n" + "\n".join(rows) + "\n" for name, rows in parts.items()), "drawn")


def measured(shared: Path, seconds: float, large_seconds: float) -> dict[str, Any]:
    """Time each published instance to its best known cost; the gap of the large one; conflict and repair."""
    found: dict[str, Any] = {"instances": {}}
    for number, best in BEST_KNOWN.items():
        file = shared / "nurse_rostering" / "nrp24" / f"Instance{number}.txt"
        if file.exists():
            found["instances"][str(number)] = _instance(read_problem(file), best, seconds)
    answer = solve(drawn(32), large_seconds, SEED)
    found["large"] = {"objective": answer.objective, "bound": answer.bound, "seconds": answer.seconds}
    return found | {"conflict_seconds": _conflict(), "repair": _repair()}


def _instance(problem: Problem, best: int, seconds: float) -> dict[str, Any]:
    started, reached = time.perf_counter(), list[float]()

    def told(message: str) -> None:
        cost = message.partition("best ")[2].partition(",")[0]
        if cost.isdigit() and int(cost) <= best:
            reached.append(time.perf_counter() - started)

    answer = solve(problem, seconds, SEED, told)
    return {
        "objective": answer.objective,
        "bound": answer.bound,
        "seconds": answer.seconds,
        "seconds_to_best": reached[0] if reached else None,
        "best_known": best,
    }


def _conflict() -> float:
    """Seconds until a month's ward with hard cover and too few people is explained."""
    document = ward(seed=SEED, staff=20, days=28)
    document["constraints"] = [one for one in document["constraints"] if one["kind"] != "agency"]
    document["constraints"][0] = {"name": "cover", "kind": "cover", "source": "policy", "hard": True}
    started = time.perf_counter()
    answer = solve(parse_form(text(document), "drawn"), 60, SEED)
    assert answer.conflict, answer.status
    return time.perf_counter() - started


def _repair() -> dict[str, Any]:
    """A sick call of three days, and a late admission, in a month's ward of 30 people."""
    problem = parse_form(text(ward(seed=SEED, staff=30, days=28, need=2)), "drawn")
    answer = solve(problem, 20, SEED)
    assert answer.roster is not None
    person, day = next(at for at in answer.roster.duties if at[1] == 7)
    sick = f"sick:{person}:{problem.day_text(day)}..{problem.day_text(day + 2)}"
    events = {"sick call": sick, "late admission": f"admission:u0:{problem.day_text(7)}:N:rn+1"}
    found: dict[str, Any] = {}
    for name, event in events.items():
        started = time.perf_counter()
        repaired = repair(problem, answer.roster, [read_event(problem, event)])
        said = {"changes": len(repaired.changes), "is_fewest": repaired.is_fewest}
        found[name] = {"seconds": time.perf_counter() - started, **said}
    return found


def roster_figures(cost: Cost) -> list[Figure]:
    """Costs beside the best known or the proven bound; seconds beside the limits that were agreed."""
    done = cost.result
    rows: list[Figure] = []
    for number, one in done["instances"].items():
        name = f"instance {number}"
        best, bound = one["best_known"], one["bound"]
        rows.append(_promised(f"{name}: cost, bound {bound}", one["objective"], "", best, ("best known", best)))
        rows.append(_promised(f"{name}: to the best known", one["seconds_to_best"], "s", TO_BEST_SECONDS))
    large = done["large"]
    gap = None if large["objective"] is None else 100 * (large["objective"] - large["bound"]) / large["objective"]
    said = f"32 people, 28 days, {large['seconds']:g} s: above the proven bound"
    rows.append(_promised(said, gap, "%", LARGE_GAP_PERCENT))
    rows.append(_promised("conflict explained", done["conflict_seconds"], "s", CONFLICT_SECONDS))
    for name, one in done["repair"].items():
        proven = "fewest proven" if one["is_fewest"] else "fewer may be possible"
        rows.append(_promised(f"{name}, {one['changes']} changes, {proven}", one["seconds"], "s", REPAIR_SECONDS))
    return rows


def _promised(
    figure: str, value: float | None, unit: str, at_most: float, beside: tuple[str, float | None] = ("", None)
) -> Figure:
    return Figure(ROSTERS, figure, value, unit, *beside, target=at_most, is_at_most=True)
