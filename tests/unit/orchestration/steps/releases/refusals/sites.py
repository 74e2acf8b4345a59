"""Where the source refuses, found by reading it: every `Refusal(...)` that is made, and what is raised about releases.

A site is named by its module and function, and numbered where a function has several. `watched` says which sites a
call came by. What does not belong here: how a refusal is brought about (the other modules of this folder).
"""

import ast
import importlib
import re
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, TypeGuard

import pytest

from evaluation.gates import Refusal
from evaluation.gates.decide import POLICY_CLAUSE, READABLE_CLAUSE
from evaluation.policies import Stage, load_policy
from ml.usecases import use_case_names

ROOT = Path(__file__).resolve().parents[6]
SOURCES = ("evaluation", "orchestration", "ml")
RAISING = (
    "evaluation/gates",
    "orchestration/steps/releases",
    "evaluation/ledger/register.py",
    "evaluation/ledger/ledger.py",
    "ml/registry/pointer.py",
    "ml/registry/challenger.py",
    "evaluation/ledger/signoff.py",
    "evaluation/calendar/load.py",
    "orchestration/steps/record/actors.py",
    "orchestration/steps/record/changes.py",
    "orchestration/steps/record/pending.py",
    "orchestration/steps/record/records.py",
    "orchestration/steps/learning/stores.py",
    "orchestration/steps/signing_keys.py",
    "orchestration/steps/intake/deidentification.py",
)
"""Rooms and modules of which every error has a row, too: the steps of release, and what each of them asks first."""
REASONING = ("sworn", "change_control", "judge", "selection")
"""Modules of the gate whose functions say in a sentence why something does not count: it stands in the figure."""
REFUSAL, ERROR, REASON = "refusal", "error", "reason"


@dataclass(frozen=True)
class Site:
    """One place that refuses. `clauses` are patterns of what a refusal may name; an error and a reason name nothing."""

    name: str
    path: Path
    first: int
    last: int
    clauses: tuple[str, ...] = ()
    kind: str = REFUSAL


@cache
def sites() -> dict[str, Site]:
    """Every site by its name."""
    found = [site for source in SOURCES for path in sorted((ROOT / source).rglob("*.py")) for site in _in(path)]
    names = Counter(one.name for one in found)
    assert max(names.values()) == 1, f"two modules of one name refuse: {names.most_common(3)}"
    return {one.name: one for one in found}


def policy_clauses() -> set[str]:
    """The clauses of every policy; a decision may refuse with each."""
    policies = [load_policy(name) for name in use_case_names()]
    return {one.id for each in policies for one in each.clauses_for(Stage.DECISION_SUPPORT)}


@contextmanager
def watched() -> Generator[set[str]]:
    """The sites that are come by meanwhile, as they are."""
    hits: set[str] = set()
    by_file: dict[str, list[Site]] = {}
    for site in sites().values():
        by_file.setdefault(str(site.path), []).append(site)

    def note(frame: FrameType, kind: str) -> None:
        ours = by_file.get(frame.f_code.co_filename, ())
        hits.update(one.name for one in ours if one.kind == kind and one.first <= frame.f_lineno <= one.last)

    def within(frame: FrameType, event: str, given: object) -> Any:
        if event == "exception":
            note(frame, ERROR)
        if event == "return" and given and isinstance(given, str):
            note(frame, REASON)
        return within

    def called(frame: FrameType, _event: str, _: object) -> Any:
        if frame.f_code.co_filename not in by_file:
            return None
        frame.f_trace_lines = False
        return within

    real, before = Refusal.__init__, sys.gettrace()

    def made(refusal: Refusal, *words: str, **named: str) -> None:
        note(sys._getframe(1), REFUSAL)
        real(refusal, *words, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Refusal, "__init__", made)
        sys.settrace(called)
        try:
            yield hits
        finally:
            sys.settrace(before)


def _in(path: Path) -> Iterator[Site]:
    text = path.read_text("utf-8")
    name = str(path.relative_to(ROOT))
    raises = any(name == one or name.startswith(f"{one}/") for one in RAISING)
    if not raises and "Refusal(" not in text:
        return
    found = list(_Reader(path, ast.parse(text), raises=raises).found)
    number, many = Counter[str](), Counter(function for function, _, _ in found)
    for function, node, clauses in found:
        number[function] += 1
        which = f"/{number[function]}" if many[function] > 1 else ""
        site = f"{path.stem}.{function}{which}"
        yield Site(site, path, node.lineno, node.end_lineno or 0, clauses, _kind(node))


class _Reader:
    """The refusals of one module, in their order, each with its function and the clauses that it may name."""

    def __init__(self, path: Path, tree: ast.Module, *, raises: bool) -> None:
        self._module, self._tree, self._raises = path, tree, raises
        self.found = self._read(tree, None)

    def _read(
        self, node: ast.AST, function: ast.FunctionDef | None
    ) -> Iterator[tuple[str, ast.Call | ast.Raise | ast.Return, tuple[str, ...]]]:
        for child in ast.iter_child_nodes(node):
            inside = child if isinstance(child, ast.FunctionDef) else function
            where = inside.name if inside else "module"
            if _is_refusal(child):
                yield where, child, self._clauses(child.args[0], inside)
            elif self._is_error(child) or self._is_reason(where, child):
                yield where, child, ()
            yield from self._read(child, inside)

    def _is_error(self, node: ast.AST) -> TypeGuard[ast.Raise]:
        is_new = isinstance(node, ast.Raise) and node.exc is not None
        return self._raises and is_new and not _holds_refusal(node)

    def _is_reason(self, function: str, node: ast.AST) -> TypeGuard[ast.Return]:
        """Whether a function that says why not returns a sentence, at least in one case."""
        says_why = self._module.stem in REASONING and function.lstrip("_").startswith(("why", "too"))
        return says_why and isinstance(node, ast.Return) and _is_sentence(node.value)

    def _clauses(self, named: ast.expr, function: ast.FunctionDef | None) -> tuple[str, ...]:
        match named:
            case ast.Constant():
                return (re.escape(str(named.value)),)
            case ast.JoinedStr():
                return ("".join(re.escape(str(getattr(one, "value", ""))) if isinstance(one, ast.Constant) else ".+"
                                for one in named.values),)  # fmt: skip
            case ast.Name() if function and named.id in [one.arg for one in function.args.args]:
                at = [one.arg for one in function.args.args].index(named.id)
                return tuple(
                    clause for call in self._calls(function.name) for clause in self._clauses(call.args[at], None)
                )
            case ast.Name():
                module = ".".join(self._module.relative_to(ROOT).with_suffix("").parts)
                return (re.escape(str(getattr(importlib.import_module(module), named.id))),)
            case ast.Attribute(attr="clause"):
                return tuple(map(re.escape, sorted(policy_clauses() | {POLICY_CLAUSE, READABLE_CLAUSE})))
            case _:
                raise AssertionError(f"{self._module.name}: the clause {ast.unparse(named)} is named by nothing known")

    def _calls(self, function: str) -> Iterator[ast.Call]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
                yield node


def _is_refusal(node: ast.AST) -> Any:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal"


def _holds_refusal(node: ast.AST) -> bool:
    return any(_is_refusal(one) for one in ast.walk(node))


def _is_sentence(told: ast.expr | None) -> bool:
    match told:
        case ast.IfExp():
            return _is_sentence(told.body) or _is_sentence(told.orelse)
        case ast.Constant(value=str()):
            return bool(told.value)
        case _:
            return isinstance(told, ast.JoinedStr)


def _kind(node: ast.AST) -> str:
    return {ast.Raise: ERROR, ast.Return: REASON}.get(type(node), REFUSAL)
