"""Public holidays by rule, per regulatory region of a site.

US: the federal holidays of 5 U.S.C. 6103 on their own date, and the days around them on which hospitals work
differently (Christmas Eve, New Year's Eve, the day after Thanksgiving). EU: only what all member states keep. A region
without rules has no holidays here, and weekdays alone carry its calendar.
"""

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache

JUNETEENTH_SINCE = 2021  # Public Law 117-17
MONDAY, THURSDAY = 0, 3
KINDS: Mapping[str, tuple[str, ...]] = {
    "US": (
        *("new_year", "king", "presidents", "memorial", "juneteenth", "independence", "labor", "columbus"),
        *("veterans", "thanksgiving", "after_thanksgiving", "christmas_eve", "christmas", "new_year_eve"),
    ),
    "EU": ("new_year", "easter_monday", "labour", "christmas_eve", "christmas", "second_christmas", "new_year_eve"),
}
"""Region -> the kinds of holiday it has, in a fixed order: a model's columns."""


@lru_cache(maxsize=512)
def holidays(region: str, year: int) -> Mapping[dt.date, str]:
    """Date -> kind of holiday in that year; empty for a region without rules."""
    fixed = {
        dt.date(year, 1, 1): "new_year",
        dt.date(year, 12, 24): "christmas_eve",
        dt.date(year, 12, 25): "christmas",
        dt.date(year, 12, 31): "new_year_eve",
    }
    if region == "US":
        return fixed | _united_states(year)
    if region == "EU":
        easter_monday = easter(year) + dt.timedelta(days=1)
        return fixed | {
            easter_monday: "easter_monday",
            dt.date(year, 5, 1): "labour",
            dt.date(year, 12, 26): "second_christmas",
        }
    return {}


def _united_states(year: int) -> dict[dt.date, str]:
    thanksgiving = _nth(year, 11, THURSDAY, 4)
    last_monday_of_may = _nth(year, 6, MONDAY, 1) - dt.timedelta(days=7)
    found = {
        _nth(year, 1, MONDAY, 3): "king",
        _nth(year, 2, MONDAY, 3): "presidents",
        last_monday_of_may: "memorial",
        dt.date(year, 7, 4): "independence",
        _nth(year, 9, MONDAY, 1): "labor",
        _nth(year, 10, MONDAY, 2): "columbus",
        dt.date(year, 11, 11): "veterans",
        thanksgiving: "thanksgiving",
        thanksgiving + dt.timedelta(days=1): "after_thanksgiving",
    }
    return found | ({dt.date(year, 6, 19): "juneteenth"} if year >= JUNETEENTH_SINCE else {})


def _nth(year: int, month: int, weekday: int, n: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def easter(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    lunar = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * lunar) // 451
    month, day = divmod(h + lunar - 7 * m + 114, 31)
    return dt.date(year, month, day + 1)
