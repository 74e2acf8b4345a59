"""Reads a problem's file, in whichever form it is: the benchmark's text or `pilothouse.roster/1` (YAML or JSON).

What does not belong here: the forms themselves (`nrp24.py`, `form.py`).
"""

from pathlib import Path

from ml.rostering.form import parse_form
from ml.rostering.lines import read_text
from ml.rostering.nrp24 import is_nrp24, parse_nrp24
from ml.rostering.problem import Problem


def read_problem(path: Path) -> Problem:
    """Return the problem of a file. Raises `ProblemNotUnderstood` with the file and the place."""
    text = read_text(path)
    return parse_nrp24(text, path.name) if is_nrp24(text) else parse_form(text, path.name)
