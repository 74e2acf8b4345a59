"""What dbt understands of the project, kept beside it: read by every home and every process, made once (record 0029).

dbt takes twenty seconds of work to parse the project, and does so anew where a variable is another; the variables hold
the home's paths. Paths are only ever text in a statement, so that one parse serves all homes that agree in the rest.
What does not belong here: running a build (`dbt_process.py`), and what the variables are (`tables.py`).
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_atomically
from orchestration.steps.warehouse.dbt_process import PARSED

MANIFEST, MARKER = "manifest.json", "parsed_with.json"
"""The parse for Dagster, beside dbt's own; the variables that both were made with."""
SHARED = Path("target", "parsed")  # under the project, where dbt keeps what it makes
KEPT = 12
NAMED = ("lake", "vocabulary", "site_codes")
"""Variables that are a path or empty; whether they are empty may decide on what a model stands."""


class TablesError(StepError):
    """The tables cannot be made or read; the message says which step failed and what to run."""


def parse_project(settings: Settings, project: Path, variables: str) -> Path:
    """Return the manifest in the home, for these variables. Raises `TablesError` for what dbt cannot parse."""
    manifest, marker = settings.dbt_target / MANIFEST, settings.dbt_target / MARKER
    whole = manifest.exists() and marker.exists() and (settings.dbt_target / PARSED).exists()
    if whole and marker.read_text() == variables:
        return manifest
    marker.unlink(missing_ok=True)
    shared = project / SHARED / parse_key(settings, project, variables)
    if not _copied(shared, settings.dbt_target):
        run_parse(project, variables, settings.dbt_target)
        _share(settings.dbt_target, shared)
    write_atomically(marker, variables.encode())
    return manifest


def parse_key(settings: Settings, project: Path, variables: str) -> str:
    """Return what a parse depends on: the variables but for this home's paths, the project's place, dbt, Python.

    The project's content is among the variables (`inputs`).
    """
    told = json.loads(variables)
    paths = {name: bool(told.pop(name, "")) for name in NAMED}
    rest = json.dumps(told, sort_keys=True).replace(json.dumps(str(settings.home))[1:-1], "<home>")
    made_by = [version("dbt-core"), version("dbt-duckdb"), sys.version]
    return hashlib.sha256(json.dumps([paths, rest, str(project), *made_by]).encode()).hexdigest()[:32]


def run_parse(project: Path, variables: str, target: Path) -> None:
    """Have dbt parse the project into a folder. Raises `TablesError`."""
    target.mkdir(parents=True, exist_ok=True)
    (target / PARSED).unlink(missing_ok=True)  # from nothing: what is shared owes nothing to what came before
    folders = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target)]
    command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "parse", *folders, "--vars", variables]
    parsed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    if parsed.returncode:
        raise TablesError(f"dbt cannot parse dbt_project: {(parsed.stdout + parsed.stderr)[-2000:]}")


def _copied(shared: Path, target: Path) -> bool:
    try:
        found = {name: (shared / name).read_bytes() for name in (MANIFEST, PARSED)}
    except OSError:
        return False
    for name, content in found.items():
        write_atomically(target / name, content)
    return True


def _share(target: Path, shared: Path) -> None:
    """Put what was parsed beside the project, whole or not at all. A project that cannot be written has none."""
    try:
        shared.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=shared.parent, prefix="."))
        for name in (MANIFEST, PARSED):
            shutil.copyfile(target / name, draft / name)
        if shared.exists():
            shutil.rmtree(draft)
        else:
            draft.rename(shared)
        _forget_old(shared.parent)
    except OSError:
        return


def _forget_old(folder: Path) -> None:
    kept = sorted((path for path in folder.iterdir() if path.name[0] != "."), key=lambda path: path.stat().st_mtime)
    for path in kept[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
