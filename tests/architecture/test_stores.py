"""Every name directly under a home has a row that says where its version stands: a new folder without one fails.

Names are read from the source: a text, a constant, a database's URL. A path through a variable is not seen.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from orchestration.steps.stores import IN_SANDBOXES, STORES

pytestmark = pytest.mark.xdist_group("house")

ROOT = Path(__file__).resolve().parents[2]
DATABASE = re.compile(r"sqlite:///\{home / '([a-z_.]+)'\}")


@cache
def modules() -> dict[str, ast.Module]:
    paths = [path for room in ("orchestration", "ml") for path in (ROOT / room).rglob("*.py")]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in paths}


def named(module: str, name: str, depth: int = 4) -> str | None:
    """What text or path a name stands for in a module: its own constant, or one that it takes from another."""
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Assign) and name in (own := assigned(node)):
            return own[name]
        if isinstance(node, ast.ImportFrom) and node.module and depth:
            source = node.module.replace(".", "/")
            file = next((one for one in (f"{source}.py", f"{source}/__init__.py") if one in modules()), None)
            theirs = next((one.name for one in node.names if (one.asname or one.name) == name), None)
            if file and theirs:
                return named(file, theirs, depth - 1)
    return None


def assigned(node: ast.Assign) -> dict[str, str]:
    target = node.targets[0]
    pairs = (
        zip(target.elts, node.value.elts, strict=False)
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        else [(target, node.value)]
    )
    return {one.id: text for one, value in pairs if isinstance(one, ast.Name) and (text := literal(value))}


def literal(node: ast.expr) -> str | None:
    """The text of a constant, or of a path that is made of one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Path" and node.args:
        return literal(node.args[0])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return literal(node.left)
    return None


def is_home(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "home") or (
        isinstance(node, ast.Attribute) and node.attr == "home"
    )


@cache
def names_in(name: str) -> set[str]:
    """The first parts of every path that a module makes under a home, where the source names them."""
    found: set[str] = set()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and is_home(node.left):
            text = literal(node.right)
            if text is None and isinstance(node.right, ast.Name):
                text = named(name, node.right.id)
            found |= set() if text is None else {text.split("/")[0]}
    return found


def test_every_name_under_a_home_has_a_row() -> None:
    found = {first: name for name in sorted(modules()) for first in names_in(name)}
    settings = (ROOT / "orchestration/settings.py").read_text("utf-8")
    found |= dict.fromkeys(DATABASE.findall(settings), "orchestration/settings.py")
    missing = {one: where for one, where in found.items() if one not in {*STORES, *IN_SANDBOXES}}
    assert not missing, f"no row in orchestration/steps/stores.py: {missing}"
    assert {"ledger.db", "raw", "pending", "erasures"} <= found.keys(), "the scan sees literals, constants and URLs"
