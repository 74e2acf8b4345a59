"""Who reads the page of operations and what they see; every look is on record before it is answered.

A person is known by the header of the proxy that signed them in. `ops_readers.json` in the home gives them a role, and
sites where they do not see all. Where nobody signs in (development), the reader chooses a role. What does not belong
here: what is on the page.

    {"schema": "pilothouse.ops_readers/1", "people": {"ada": {"role": "clinician", "sites": ["city"]}}}
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ml.serving import ServingError

Role = Literal["clinician", "engineer", "governance", "executive"]
ROLES: tuple[Role, ...] = get_args(Role)
SECTIONS: dict[Role, tuple[str, ...]] = {
    "clinician": ("workflow", "outcomes"),
    "engineer": ("model", "drift", "levels", "workflow"),
    "governance": ("model", "workflow", "outcomes", "drift", "levels", "reads"),
    "executive": ("outcomes", "workflow", "levels"),
}
READERS, LOOKS = "ops_readers.json", "audit/ops_looks.jsonl"


class ReadersUnreadable(ServingError):
    """`ops_readers.json` cannot be used; nobody is shown anything until it can."""


class Reader(BaseModel):
    """A person's role, and their sites; None is all."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Role
    sites: tuple[str, ...] | None = None


class Readers(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_: Literal["pilothouse.ops_readers/1"] = Field(alias="schema")
    people: dict[str, Reader]


@dataclass(frozen=True)
class Look:
    """One look: whose (a pseudonym, or nobody signed in), as what, why, at which sites (none: it is not told), at
    which page."""

    at: datetime
    who: str
    role: Role
    why: str
    sites: tuple[str, ...]
    page: str = "operations"


def load_readers(home: Path) -> Readers:
    """Read who may look; nobody where there is no file. Raises `ReadersUnreadable`."""
    try:
        return Readers.model_validate_json((home / READERS).read_bytes())
    except FileNotFoundError:
        return Readers(schema="pilothouse.ops_readers/1", people={})
    except (OSError, ValidationError) as error:
        raise ReadersUnreadable(
            f"{READERS} cannot be read ({type(error).__name__}); see ml/serving/ops/readers.py."
        ) from None


def record_look(home: Path, look: Look) -> None:
    """Append one look on a line of its own, on disk when this returns. Raises `OSError`."""
    path = home / LOOKS
    path.parent.mkdir(exist_ok=True)
    line = {
        "at": look.at.isoformat(),
        "who": look.who,
        "role": look.role,
        "why": look.why,
        "sites": look.sites,
        "page": look.page,
    }
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (("\n" if is_torn else "") + json.dumps(line) + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
