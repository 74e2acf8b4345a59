"""A roster candidate as files: its rules, what is rostered for, and how the solver is set; no learned weights.

Equal rules give equal bytes, so that a folder is signed by its digest and released as any model is. What does not
belong here: making rosters by it.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ml.forecasting.bundle import files_digest
from ml.usecases import RosterUseCase
from orchestration.steps.errors import StepError

SCHEMA = "pilothouse.roster_model/1"
FILE = "roster.json"
SOLVER = "ortools"


class RosterModelRefused(StepError):
    """The folder holds no rules of this version, or others than were signed."""


def roster_files(declared: RosterUseCase, site: str) -> dict[str, bytes]:
    """File name -> bytes: the declaration as it was, and the solver's version."""
    document = {"schema": SCHEMA, "site": site, "solver": {SOLVER: version(SOLVER)}, "declared": declared.document()}
    return {FILE: json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()}


def released_rules(folder: Path, expected_digest: str) -> RosterUseCase:
    """Return the rules of a released folder. Raises `RosterModelRefused`."""
    try:
        content = (folder / FILE).read_bytes()
        document: dict[str, Any] = json.loads(content)
        if files_digest({FILE: content}) != expected_digest:
            raise RosterModelRefused(f"The rules in {folder.name} are not those that were signed; release them again.")
        if document["schema"] != SCHEMA:
            raise RosterModelRefused(f"{FILE} has schema {document['schema']!r}; this version reads {SCHEMA!r}.")
        return RosterUseCase.model_validate(document["declared"])
    except (OSError, KeyError, TypeError, ValueError, ValidationError) as error:
        raise RosterModelRefused(
            f"{folder.name} holds no rules ({type(error).__name__}); make the candidate again."
        ) from error
