"""A judge of the benchmark that shares nothing with `ml.rostering`: it reads the file and a solution's text itself.

Written from the description of Curtois and Qu (2014): what a roster costs, and every hard rule it breaks.
"""

from collections import Counter
from itertools import groupby, pairwise


def sections(text: str) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    name = ""
    for raw in text.splitlines():
        if raw.startswith("SECTION_"):
            name = raw.strip()
            found[name] = []
        elif raw.strip() and not raw.startswith("#"):
            found[name].append([part.strip() for part in raw.split(",")])
    return found


def judge(problem: str, solution: str) -> tuple[int, list[str]]:
    """Return the cost and the broken hard rules of a solution in the benchmark's tab-separated text."""
    parts = sections(problem)
    days = int(parts["SECTION_HORIZON"][0][0])
    length = {row[0]: int(row[1]) for row in parts["SECTION_SHIFTS"]}
    never = {row[0]: set(row[2].split("|")) - {""} for row in parts["SECTION_SHIFTS"]}
    rows = solution.split("\n")
    assert rows.pop() == ""
    assert len(rows) == len(parts["SECTION_STAFF"])
    plan = {row[0]: line.split("\t") for row, line in zip(parts["SECTION_STAFF"], rows, strict=True)}
    wrong: list[str] = []
    for row in parts["SECTION_STAFF"]:
        shifts = plan[row[0]]
        assert len(shifts) == days and set(shifts) <= {*length, ""}
        wrong += [f"{row[0]}: {one}" for one in _person(row, shifts, length, never)]
    for row in parts.get("SECTION_DAYS_OFF", []):
        wrong += [f"{row[0]}: works on day off {day}" for day in row[1:] if plan[row[0]][int(day)]]
    return _cost(parts, plan), wrong


def _person(row: list[str], shifts: list[str], length: dict[str, int], never: dict[str, set[str]]) -> list[str]:
    most_each = dict(pair.split("=") for pair in row[1].split("|"))
    most, least, run_max, run_min, off_min, weekends = map(int, row[2:])
    wrong: list[str] = []
    counts = Counter(shift for shift in shifts if shift)
    wrong += [f"too many {name}" for name, limit in most_each.items() if counts[name] > int(limit)]
    minutes = sum(length[shift] * number for shift, number in counts.items())
    if not least <= minutes <= most:
        wrong.append(f"{minutes} minutes")
    for today, tomorrow in pairwise(shifts):
        if today and tomorrow in never[today]:
            wrong.append(f"{tomorrow} after {today}")
    runs = [(works, len(list(group))) for works, group in groupby(bool(shift) for shift in shifts)]
    wrong += [f"{size} shifts in a row" for works, size in runs if works and size > run_max]
    for works, size in runs[1:-1]:
        if size < (run_min if works else off_min):
            wrong.append(f"only {size} {'shifts' if works else 'days off'} in a row")
    if sum(any(shifts[day : day + 2]) for day in range(5, len(shifts), 7)) > weekends:
        wrong.append("too many weekends")
    return wrong


def _cost(parts: dict[str, list[list[str]]], plan: dict[str, list[str]]) -> int:
    cost = 0
    for person, day, shift, weight in parts.get("SECTION_SHIFT_ON_REQUESTS", []):
        cost += int(weight) * (plan[person][int(day)] != shift)
    for person, day, shift, weight in parts.get("SECTION_SHIFT_OFF_REQUESTS", []):
        cost += int(weight) * (plan[person][int(day)] == shift)
    for day, shift, needed, under, over in parts["SECTION_COVER"]:
        present = sum(shifts[int(day)] == shift for shifts in plan.values())
        cost += int(under) * max(0, int(needed) - present) + int(over) * max(0, present - int(needed))
    return cost
