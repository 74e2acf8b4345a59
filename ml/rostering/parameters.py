"""Which parameters each kind of constraint takes, and what they become in a `Rule`.

What does not belong here: what a rule does with them (`rules_*.py`).
"""

from collections.abc import Callable, Mapping

from ml.rostering.problem import Kind, Value

HOUR = 60
Given = Mapping[str, object]

OVER = {"over": "words", "days": "whole"}
TAKES: Mapping[Kind, Mapping[str, str]] = {
    "cover": {"skills": "names", "units": "names", "over_weight": "whole"},
    "isolation": {"skills": "names!", "units": "names", "beds_per_nurse": "whole", "over_weight": "whole"},
    "credentials": {},
    "leave": {},
    "requests": {},
    "succession": {"first": "names!", "then": "names!"},
    "rest": {"min_hours": "hours!"},
    "hours": {"min_hours": "hours", "max_hours": "hours", **OVER},
    "part_time": {"full_time_hours": "hours!", "tolerance_hours": "hours"},
    "contract_hours": {"bound": "words!"},
    "shift_count": {"shifts": "names!", "max": "whole!", **OVER},
    "consecutive_shifts": {"max": "whole", "min": "whole"},
    "consecutive_nights": {"max": "whole", "min": "whole"},
    "days_off": {"min": "whole", "at_least": "whole", **OVER},
    "days_off_after_nights": {"days": "whole!"},
    "weekends": {"max": "whole", "max_in_row": "whole"},
    "skill_mix": {"skills": "names!", "percent": "whole", "at_least": "whole", "units": "names"},
    "supervision": {"novices_per_expert": "whole!", "units": "names"},
    "breaks": {"min_on_duty": "whole!", "units": "names"},
    "float_pool": {},
    "agency": {"skills": "names", "max_per_shift": "whole!"},
    "fairness": {"of": "names!", "allowance": "whole"},
}
"""`!` marks what must be given; `hours` become minutes under the same name."""
ONE_OF: Mapping[Kind, tuple[str, ...]] = {
    "hours": ("min_hours", "max_hours"),
    "consecutive_shifts": ("max", "min"),
    "consecutive_nights": ("max", "min"),
    "days_off": ("min", "at_least"),
    "weekends": ("max", "max_in_row"),
    "skill_mix": ("percent", "at_least"),
}
CHOICES: Mapping[str, frozenset[str]] = {
    "over": frozenset({"period", "week"}),
    "of": frozenset({"nights", "weekends", "refused"}),
    "bound": frozenset({"max", "min"}),
}


def parameters_of(kind: Kind, given: Given, wrong: Callable[[str], Exception]) -> dict[str, Value]:
    """Return a rule's parameters. Raises what `wrong` makes of a sentence, where one is missing, unknown or bad."""
    takes = TAKES[kind]
    for name in given:
        if name not in takes:
            raise wrong(f"{kind} takes no {name!r}; it takes {', '.join(takes) or 'no parameters'}")
    for name, what in takes.items():
        if what.endswith("!") and name not in given:
            raise wrong(f"{kind} needs {name!r}")
    if kind in ONE_OF and not set(ONE_OF[kind]) & set(given):
        raise wrong(f"{kind} needs {' or '.join(ONE_OF[kind])}")
    read: dict[str, Value] = {}
    for name, value in given.items():
        what = takes[name].rstrip("!")
        read[name.replace("_hours", "_minutes") if what == "hours" else name] = _value(name, what, value, wrong)
    return read


def _value(name: str, what: str, value: object, wrong: Callable[[str], Exception]) -> Value:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if what == "hours":
        if not is_number or not 0 <= float(str(value)) <= 10_000:
            raise wrong(f"{name} is {value!r}; expected hours, 0 to 10000")
        return round(float(str(value)) * HOUR)
    if what == "whole":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
            raise wrong(f"{name} is {value!r}; expected a whole number, not negative")
        return value
    words = (value,) if isinstance(value, str) else tuple(str(one) for one in value) if isinstance(value, list) else ()
    unknown = [one for one in words if one not in CHOICES.get(name, words)]
    if not words or unknown:
        raise wrong(f"{name} is {value!r}; expected {' or '.join(sorted(CHOICES.get(name, {'a list of names'})))}")
    return words[0] if what == "words" else words
