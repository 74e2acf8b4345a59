"""Rosters: a problem as data, the best roster for it, what gave way, and repairs that change little.

`solve`, `repair` and `check` are the doors; all else is plain frozen dataclasses. Pure: no clock but the solver's
time limit, no environment, no files except those that are named. What does not belong here: demand (ml/forecasting).
"""

from ml.rostering.checking import check
from ml.rostering.errors import EventNotUnderstood, ProblemNotUnderstood, RosteringError, RosterNotUnderstood
from ml.rostering.events import read_event
from ml.rostering.problem import Demand, Duty, Person, Problem, Rule, Shift
from ml.rostering.reading import read_problem
from ml.rostering.repairing import Change, RepairAnswer, repair
from ml.rostering.roster import Breach, GaveWay, Roster, RosterAnswer
from ml.rostering.solve import solve

__all__ = [
    "Breach",
    "Change",
    "Demand",
    "Duty",
    "EventNotUnderstood",
    "GaveWay",
    "Person",
    "Problem",
    "ProblemNotUnderstood",
    "RepairAnswer",
    "Roster",
    "RosterAnswer",
    "RosterNotUnderstood",
    "RosteringError",
    "Rule",
    "Shift",
    "check",
    "read_event",
    "read_problem",
    "repair",
    "solve",
]
