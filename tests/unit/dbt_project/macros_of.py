"""The project's macros as plain SQL, without dbt: Jinja with dbt's variables and the names that macros ask of it."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

MACROS = Path(__file__).resolve().parents[3] / "dbt_project" / "macros"


@cache
def _source() -> str:
    named = ("deidentification.sql", "times.sql", "keys.sql", "identity.sql")
    return "\n".join((MACROS / name).read_text() for name in named)


def rendered(template: str, **variables: Any) -> str:
    """Return a template's SQL; `variables` are dbt's, and a `ref` is the name of its model."""
    known = {"timezones": {}, "deidentified": {}} | variables
    environment = Environment(extensions=["jinja2.ext.do"])
    given = {"var": known.__getitem__, "ref": lambda name: name}
    return environment.from_string(_source() + template).render(given).strip()
