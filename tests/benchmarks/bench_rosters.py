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
    """A sick call of three days in a month's ward of 30 people."""
    problem = parse_form(text(ward(seed=SEED, staff=30, days=28, need=2)), "drawn")
    answer = solve(problem, 20, SEED)
    assert answer.roster is not None
    person, day = next(at for at in answer.roster.duties if at[1] == 7)
    event = read_event(problem, f"sick:{person}:{problem.day_text(day)}..{problem.day_text(day + 2)}")
    started = time.perf_counter()
    repaired = repair(problem, answer.roster, [event])
    return {
        "seconds": time.perf_counter() - started,
        "changes": len(repaired.changes),
        "is_fewest": repaired.is_fewest,
    }


def roster_figures(cost: Cost) -> list[Figure]:
    """Costs beside the best known or the proven bound; seconds beside the limits that were agreed."""
    done = cost.result
    rows: list[Figure] = []
    for number, one in done["instances"].items():
        name = f"instance {number}"
        rows.append(Figure(ROSTERS, f"{name}: cost", one["objective"], "", "best known", one["best_known"]))
        rows.append(Figure(ROSTERS, f"{name}: to the best known", one["seconds_to_best"], "s", "agreed limit", 60.0))
    large, mended = done["large"], done["repair"]
    return [
        *rows,
        Figure(ROSTERS, "32 people, 28 days: cost", large["objective"], "", "its proven bound", large["bound"]),
        Figure(ROSTERS, "conflict explained", done["conflict_seconds"], "s", "agreed limit", 10.0),
        Figure(ROSTERS, f"sick call, {mended['changes']} changes", mended["seconds"], "s", "agreed limit", 5.0),
    ]
