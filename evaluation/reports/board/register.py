"""The risk register of a use case, read from ``governance/``.

Here belongs finding and reading it; what is claimed of it belongs in ``operation``.
"""

from functools import lru_cache
from typing import Any

import yaml

from evaluation.reports.board.items import FOLDER, ItemsError
from evaluation.strict_yaml import read_one

SCHEMA = "pilothouse.risk-register/1"


@lru_cache(maxsize=8)
def risk_register(use_case: str) -> dict[str, Any] | None:
    """The register that names the use case, as plain JSON; None where nobody wrote one. Raises :class:`ItemsError`."""
    for path in sorted(FOLDER.glob("risk_register*.yaml")):
        try:
            found: dict[str, Any] = read_one(path.read_text("utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise ItemsError(f"{path.name} cannot be read: {error}") from error
        if found.get("schema") == SCHEMA and found.get("use_case") == use_case:
            return {**found, "date": str(found["date"])}
    return None
