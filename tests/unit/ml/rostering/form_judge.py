"""A judge of `pilothouse.roster/1` that shares nothing with `ml.rostering`: hard rules, from the document alone.

It knows the kinds that `wards.py` uses as hard rules, and counts on the clock of the time zone.
"""

import datetime as dt
import itertools
from typing import Any
from zoneinfo import ZoneInfo

Plan = dict[tuple[str, dt.date], dict[str, str]]


def plan_of(answer: dict[str, Any]) -> Plan:
    """Return the assignments of an answer's document by person and date."""
    plan: Plan = {}
    for row in answer["assignments"]:
        key = (row["person"], dt.date.fromisoformat(row["date"]))
        assert key not in plan, f"two duties for {key}"
        plan[key] = row
    return plan


class Judge:
    """Holds a problem's document; `broken(plan)` lists what a plan breaks."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.problem = problem
        self.zone = ZoneInfo(problem["time_zone"])
        self.shifts = {one["name"]: one for one in problem["shifts"]}
        first = dt.date.fromisoformat(problem["first_day"])
        self.dates = [first + dt.timedelta(days=day) for day in range(problem["days"])]
        self.hard = {one["kind"]: one["parameters"] for one in problem["constraints"] if one.get("hard")}

    def instants(self, shift: str, date: dt.date) -> tuple[dt.datetime, dt.datetime]:
        text = self.shifts[shift]
        start, end = (
            dt.datetime.combine(date, dt.time.fromisoformat(text[side]), self.zone) for side in ("start", "end")
        )
        if end.time() <= start.time():
            end = dt.datetime.combine(date + dt.timedelta(days=1), end.time(), self.zone)
        return start.astimezone(dt.UTC), end.astimezone(dt.UTC)

    def broken(self, plan: Plan) -> list[str]:
        found: list[str] = []
        for person in self.problem["staff"]:
            mine = {date: row for (name, date), row in plan.items() if name == person["id"]}
            found += [f"{person['id']}: {one}" for one in self._person(person, mine)]
        return found + self._supervision(plan)

    def _person(self, person: dict[str, Any], mine: dict[dt.date, dict[str, str]]) -> list[str]:
        found: list[str] = []
        skills = {one["skill"]: one.get("until") for one in person["skills"]}
        for date, row in mine.items():
            until = skills.get(row["skill"], "0001-01-01")
            if until is not None and date > dt.date.fromisoformat(until):
                found.append(f"no valid {row['skill']} on {date}")
            if row["unit"] not in (person["home"], *person["floats_to"]):
                found.append(f"not on {row['unit']}")
            if date.isoformat() in person["leave"] or date not in self.dates:
                found.append(f"on leave on {date}")
        past = {dt.date.fromisoformat(one["date"]): one["shift"] for one in person["history"]}
        worked = past | {date: row["shift"] for date, row in mine.items()}
        return found + self._clock(worked, mine) + self._runs(worked)

    def _clock(self, worked: dict[dt.date, str], mine: dict[dt.date, dict[str, str]]) -> list[str]:
        found: list[str] = []
        times = sorted(self.instants(shift, date) for date, shift in worked.items())
        for (_, ended), (starts, _) in itertools.pairwise(times):
            if (starts - ended) < dt.timedelta(hours=self.hard["rest"]["min_hours"]):
                found.append(f"only {starts - ended} of rest before {starts}")
        weeks: dict[tuple[int, int], dt.timedelta] = {}
        for date, shift in worked.items():
            start, end = self.instants(shift, date)
            week = date.isocalendar()[:2]
            weeks[week] = weeks.get(week, dt.timedelta()) + (end - start)
        most, planned = dt.timedelta(hours=self.hard["hours"]["max_hours"]), {date.isocalendar()[:2] for date in mine}
        return found + [f"{total} in week {week}" for week, total in weeks.items() if total > most and week in planned]

    def _runs(self, worked: dict[dt.date, str]) -> list[str]:
        found: list[str] = []
        run = nights = since_night = weekend = 0
        weekends: set[int] = set()
        had_night = False
        for date in [self.dates[0] - dt.timedelta(days=day) for day in range(5, 0, -1)] + self.dates:
            shift = worked.get(date)
            is_night = shift is not None and bool(self.shifts[shift].get("is_night"))
            run = run + 1 if shift else 0
            nights = nights + 1 if is_night else 0
            if shift and not is_night and had_night and since_night < self.hard["days_off_after_nights"]["days"]:
                found.append(f"works {shift} on {date}, too soon after a night")
            if is_night and had_night and 0 < since_night < self.hard["days_off_after_nights"]["days"]:
                found.append(f"a night on {date}, too soon after a night")
            if is_night:
                had_night, since_night = True, 0
            elif shift is None:
                since_night += 1
            if date >= self.dates[0]:
                found += [f"{run} days in a row on {date}"] * (run > self.hard["consecutive_shifts"]["max"])
                found += [f"{nights} nights in a row on {date}"] * (nights > self.hard["consecutive_nights"]["max"])
                if shift and date.weekday() >= 5:
                    weekends.add(date.toordinal() - date.weekday())
        weekend = len(weekends)
        return found + ["too many weekends"] * (weekend > self.hard["weekends"]["max"])

    def _supervision(self, plan: Plan) -> list[str]:
        levels = {one["id"]: one["level"] for one in self.problem["staff"]}
        teams: dict[tuple[str, str, dt.date], list[str]] = {}
        for (name, date), row in plan.items():
            teams.setdefault((row["unit"], row["shift"], date), []).append(levels[name])
        return [
            f"{team}: {people.count('novice')} novices, {people.count('expert')} experts"
            for team, people in teams.items()
            if people.count("novice") > people.count("expert") * self.hard["supervision"]["novices_per_expert"]
        ]
