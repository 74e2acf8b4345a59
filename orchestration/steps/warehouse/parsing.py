"""What dbt understands of the project, kept beside it: read by every home and every process, made once (record 0029).

Parsing is much of what a small build costs, and dbt does it anew where a variable is another; the variables hold
the home's paths. Paths are only ever text in a statement, so that one parse serves all homes that agree in the rest.
What does not belong here: how a parse is shared between homes (`parse_share.py`), running a build (`dbt_process.py`),
and what the variables are (`tables.py`).
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_atomically
from orchestration.steps.locks import exclusive
from orchestration.steps.warehouse.dbt_process import PARSED
from orchestration.steps.warehouse.parse_share import MANIFEST, Parse, ParseShare, read_parsed

MARKER = "parsed_with.json"
"""The variables that a home's parse was made with."""
SHARED = Path("target", "parsed")  # under the project, where dbt keeps what it makes
PARSE_LOCK = "parse"
ATTEMPTS = 3
NAMED = ("lake", "vocabulary", "site_codes")
"""Variables that are a path or empty; whether they are empty may decide on what a model stands."""


class TablesError(StepError):
    """The tables cannot be made or read; the message says which step failed and what to run."""


def parse_project(settings: Settings, project: Path, variables: Callable[[], str]) -> Path:
    """Return the manifest in the home, of the project as it is now.

    `variables` tells dbt's variables, the digest of the project's files among them: asked before a parse and after it,
    since a parse during which a file changed is of neither project. Raises `TablesError`.
    """
    with exclusive(settings.home, PARSE_LOCK):
        for _ in range(ATTEMPTS):
            told = variables()
            if _is_parsed(settings.dbt_target, told):
                return settings.dbt_target / MANIFEST
            share = ParseShare(project / SHARED, parse_key(settings, project, told))
            with share.held():
                parse = share.read() or run_parse(project, told)
                if variables() == told:
                    share.keep(parse)
                    return _take(settings.dbt_target, parse, told)
    raise TablesError(f"{project} changed each of {ATTEMPTS} times while dbt parsed it; let it rest, and run again.")


def parsed_with(settings: Settings) -> str:
    """Return the variables that the home's parse was made with: those a build over it is to be told."""
    return (settings.dbt_target / MARKER).read_text()


def parse_key(settings: Settings, project: Path, variables: str) -> str:
    """Return what a parse depends on: the variables but for this home's paths, the project's place, dbt, Python.

    The project's content is among the variables (`inputs`).
    """
    told = json.loads(variables)
    paths = {name: bool(told.pop(name, "")) for name in NAMED}
    rest = json.dumps(told, sort_keys=True).replace(json.dumps(str(settings.home))[1:-1], "<home>")
    made_by = [version("dbt-core"), version("dbt-duckdb"), sys.version]
    return hashlib.sha256(json.dumps([paths, rest, str(project), *made_by]).encode()).hexdigest()[:32]


def run_parse(project: Path, variables: str) -> Parse:
    """Have dbt parse the project, in a folder of its own: what is shared owes nothing to what came before.

    Raises `TablesError`.
    """
    with tempfile.TemporaryDirectory(prefix="dbt-parse-") as folder:
        places = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", folder]
        command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "parse", *places, "--vars", variables]
        parsed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
        found = read_parsed(Path(folder))
        if parsed.returncode or found is None:
            raise TablesError(f"dbt cannot parse dbt_project: {(parsed.stdout + parsed.stderr)[-2000:]}")
        return found


def _is_parsed(target: Path, told: str) -> bool:
    marker = target / MARKER
    whole = marker.exists() and (target / MANIFEST).exists() and (target / PARSED).exists()
    return whole and marker.read_text() == told


def _take(target: Path, parse: Parse, told: str) -> Path:
    """Put a parse into a home; the marker is there only while the files are those that it tells of."""
    (target / MARKER).unlink(missing_ok=True)
    for name, content in parse.items():
        write_atomically(target / name, content)
    write_atomically(target / MARKER, told.encode())
    return target / MANIFEST
