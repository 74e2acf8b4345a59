"""The simulator must share nothing with what reads its records."""

import ast
from pathlib import Path

import orchestration.simulator

FORBIDDEN = ("orchestration.feeds", "orchestration.contracts", "orchestration.steps", "ml", "evaluation", "dagster")


def test_the_simulator_imports_no_reader_no_contract_and_no_model():
    for path in Path(orchestration.simulator.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert not any(name == f or name.startswith(f"{f}.") for f in FORBIDDEN), (path.name, name)
