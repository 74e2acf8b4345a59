"""The house keeps its shape: names at the top, owners of libraries, sizes, nothing of one machine."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("house")  # every module is parsed once for all of them

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("orchestration", "ml", "evaluation")
TOP_LEVEL = {
    "pyproject.toml", "README.md", "workspace.yaml", "Makefile", "LICENSE", "CHANGELOG.md", "requirements.lock",
    "orchestration", "dbt_project", "ml", "evaluation", "tests",
}  # fmt: skip
OWNERS = {
    "dagster": ("orchestration/definitions.py", "orchestration/defs/"),
    "dagster_dbt": ("orchestration/defs/",),
    "mlflow": ("ml/training/tracking.py", "ml/registry/"),
    "evidently": ("evaluation/drift/",),
    "fastapi": ("ml/serving/",),
    "starlette": ("ml/serving/",),
    "uvicorn": ("ml/serving/",),
}
NAMES_THAT_SAY_NOTHING = re.compile(r"(^|/)(utils?|helpers?|common|misc|manager)\.py$")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


@cache
def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def sources() -> list[str]:
    return [name for name in tracked() if name.endswith(".py") and name.startswith(ROOMS)]


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text())


@cache
def imported(module: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_only_the_agreed_names_stand_at_the_top_level() -> None:
    found = {name.split("/")[0] for name in tracked()}
    assert {name for name in found if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("library", sorted(OWNERS))
def test_a_library_is_imported_only_by_its_owner(library: str) -> None:
    users = [name for name in sources() if library in imported(name)]
    assert [name for name in users if not name.startswith(OWNERS[library])] == []
    assert users, f"nothing imports {library} any more: take it out of OWNERS and of pyproject.toml"


def test_no_file_and_no_function_is_too_long_to_read() -> None:
    long = []
    for name in sources():
        text = (ROOT / name).read_text()
        if text.count("\n") > LONGEST_FILE:
            long.append(name)
        for node in ast.walk(tree(name)):
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if is_function and (node.end_lineno or 0) - node.lineno > LONGEST_FUNCTION:
                long.append(f"{name}:{node.name}")
    assert long == []


def test_every_module_says_what_belongs_in_it() -> None:
    silent = [name for name in sources() if not ast.get_docstring(tree(name))]
    assert silent == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [name for name in tracked() if NAMES_THAT_SAY_NOTHING.search(name)] == []


def test_a_broad_except_gives_its_reason_beside_it() -> None:
    bare = [
        f"{name}:{node.lineno}"
        for name in sources()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception"))
        and "# noqa: BLE001 - " not in (ROOT / name).read_text().splitlines()[node.lineno - 1]
    ]
    assert bare == []


def test_nothing_names_a_registry_host_or_a_path_of_one_machine() -> None:
    pattern = re.compile(r"(pyp[i]|pythonhoste[d]|npmj[s]|debia[n])\.(org|com)|" + re.escape(str(ROOT.parent)) + "/")
    assert [name for name in tracked() if pattern.search((ROOT / name).read_text(errors="replace"))] == []


def test_the_lock_has_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    blocks = re.split(r"\n(?=[a-z0-9])", lock.strip())
    assert [block.split("\n")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_ci_calls_check_and_test() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if line.startswith("make ")] == ["make check", "make test"]


def test_the_simulators_truth_is_read_by_the_demos_summary_alone() -> None:
    readers = [name for name in sources() if '"truth"' in (ROOT / name).read_text()]
    readers = [name for name in readers if not name.startswith("orchestration/simulator/")]
    readers.remove("orchestration/steps/stores.py")  # which lists every name in a home, and reads nothing
    assert readers == ["orchestration/demo/summary.py"]
    models = [name for name in tracked() if name.startswith("dbt_project/models") and name.endswith(".sql")]
    assert models and not [name for name in models if "truth" in (ROOT / name).read_text()]


def test_every_decision_has_a_number_of_its_own_and_says_it_in_its_title() -> None:
    records = [Path(name) for name in tracked() if name.startswith("evaluation/governance/decisions/0")]
    numbers = [record.name[:4] for record in records]
    assert len(set(numbers)) == len(numbers), "two decision records share a number"
    assert [one.name for one in records if not (ROOT / one).read_text().startswith(f"# {one.name[:4]}")] == []
