"""Small made-up wards in `pilothouse.roster/1`, for tests: two units, three shifts, every kind of constraint."""

import copy
import datetime as dt
import json
import random
from typing import Any

FIRST = dt.date(2026, 10, 19)  # the week in which Berlin's clocks go back (25 October)
SHIFTS = [
    {"name": "E", "start": "06:00", "end": "14:00"},
    {"name": "L", "start": "14:00", "end": "22:00"},
    {"name": "N", "start": "22:00", "end": "06:00", "is_night": True},
]
CONSTRAINTS: list[dict[str, Any]] = [
    {"name": "cover", "kind": "cover", "source": "policy", "weight": 100, "parameters": {"over_weight": 1}},
    {"name": "eleven hours of rest", "kind": "rest", "source": "law", "hard": True, "parameters": {"min_hours": 11}},
    {"name": "hours a week", "kind": "hours", "source": "law", "hard": True,
     "parameters": {"max_hours": 48, "over": "week"}},
    {"name": "five in a row", "kind": "consecutive_shifts", "source": "contract", "hard": True,
     "parameters": {"max": 5}},
    {"name": "three nights in a row", "kind": "consecutive_nights", "source": "contract", "hard": True,
     "parameters": {"max": 3}},
    {"name": "off after nights", "kind": "days_off_after_nights", "source": "policy", "hard": True,
     "parameters": {"days": 2}},
    {"name": "weekends", "kind": "weekends", "source": "contract", "hard": True, "parameters": {"max": 1}},
    {"name": "contract hours", "kind": "part_time", "source": "contract", "weight": 2,
     "parameters": {"full_time_hours": 40, "tolerance_hours": 8}},
    {"name": "an expert for each novice", "kind": "supervision", "source": "policy", "hard": True,
     "parameters": {"novices_per_expert": 1}},
    {"name": "isolation", "kind": "isolation", "source": "policy", "weight": 200, "parameters": {"skills": ["ppe"]}},
    {"name": "never alone", "kind": "breaks", "source": "policy", "weight": 20, "parameters": {"min_on_duty": 2}},
    {"name": "wishes", "kind": "requests", "source": "wish", "weight": 1},
    {"name": "stay at home", "kind": "float_pool", "source": "wish", "weight": 3},
    {"name": "agency", "kind": "agency", "source": "policy", "weight": 60, "parameters": {"max_per_shift": 1}},
    {"name": "fair nights", "kind": "fairness", "source": "wish", "weight": 2, "parameters": {"of": ["nights"]}},
]  # fmt: skip


def ward(seed: int = 1, staff: int = 12, days: int = 14, units: int = 2, need: int = 1) -> dict[str, Any]:
    """A problem that a seed draws."""
    draw = random.Random(seed)
    names = [f"u{number}" for number in range(units)]
    dates = [(FIRST + dt.timedelta(days=day)).isoformat() for day in range(days)]
    demand = [
        {
            "unit": unit,
            "date": date,
            "shift": shift["name"],
            "skill": "rn",
            "nurses": draw.choice([need, need, need + 1]),
        }
        for unit in names
        for date in dates
        for shift in SHIFTS
    ]
    return {
        "schema": "pilothouse.roster/1",
        "name": f"drawn {seed}",
        "time_zone": "Europe/Berlin",
        "first_day": FIRST.isoformat(),
        "days": days,
        "units": names,
        "skills": ["rn", "ppe"],
        "shifts": copy.deepcopy(SHIFTS),
        "staff": [_person(draw, number, names, dates) for number in range(staff)],
        "demand": demand,
        "isolation": [{"unit": names[0], "date": dates[-1], "shift": "E", "beds": 1}],
        "constraints": copy.deepcopy(CONSTRAINTS),
    }


def _person(draw: random.Random, number: int, units: list[str], dates: list[str]) -> dict[str, Any]:
    home = units[number % len(units)]
    skills: list[dict[str, Any]] = [{"skill": "rn"}]
    if number % 3 == 0:
        skills.append({"skill": "ppe", "until": draw.choice([None, *dates])})
    return {
        "id": f"s-{number:03}",
        "home": home,
        "floats_to": [unit for unit in units if unit != home and draw.random() < 0.4],
        "skills": skills,
        "level": draw.choice(["novice", "competent", "expert", "expert"]),
        "share": draw.choice([0.5, 0.75, 1.0, 1.0]),
        "leave": draw.sample(dates, draw.choice([0, 0, 1, 2])),
        "requests": [
            {"date": date, "wants": draw.choice(["on", "off"]), "shift": draw.choice(["E", "L", "N"]), "weight": 2}
            for date in draw.sample(dates, min(3, len(dates)))
        ],
        "history_days": 5,
        "history": [
            {"date": (FIRST - dt.timedelta(days=day)).isoformat(), "shift": "N"}
            for day in range(1, 1 + draw.choice([0, 0, 1, 2]))
        ],
        "carried": {"nights": draw.randint(0, 6), "weekends": draw.randint(0, 3), "refused": draw.randint(0, 3)},
    }


def text(problem: dict[str, Any]) -> str:
    return json.dumps(problem)
