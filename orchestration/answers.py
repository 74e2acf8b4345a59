"""How a command answers: one JSON document or readable text on standard output, and an exit code that means something.

0 done, 1 refused or failed with the reason, 2 wrong usage, 3 a contract stopped the feed. What does not belong here:
what a command does.
"""

import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from orchestration.steps.answer import Answer

COLUMN_WIDTH_LIMIT = 60


def answers(command: Callable[..., Answer]) -> Callable[..., None]:
    """Give a command `--json`; print its `Answer`; turn the product's own errors into a sentence and exit code 1."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
    @functools.wraps(command)
    def run(*args: Any, as_json: bool, **kwargs: Any) -> None:
        from orchestration.steps.errors import known_errors, refusal_of

        try:
            answer = command(*args, **kwargs)
        except known_errors() as error:
            answer = refusal_of(error)
        click.echo(_as_json(answer.document) if as_json else answer.text or as_text(answer.document))
        sys.exit(answer.exit_code)

    return run


def progress(message: str) -> None:
    """Tell a waiting person what is being done; standard error, so that standard output stays one document."""
    click.echo(message, err=True)


def _as_json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, default=str)


def as_text(document: Any) -> str:
    """Return any JSON-able document as indented `name: value` lines, lists of records as aligned tables."""
    return "\n".join(_lines(document, ""))


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, Mapping | list | tuple) and inner:
                yield f"{indent}{name}:"
                yield from _lines(inner, indent + "  ")
            else:
                yield f"{indent}{name}: {_plain(inner)}"
    elif isinstance(value, list | tuple) and value and all(isinstance(row, Mapping) for row in value):
        yield from _table(value, indent)
    elif isinstance(value, list | tuple):
        yield from (f"{indent}- {_plain(inner)}" for inner in value)
    else:
        yield f"{indent}{_plain(value)}"


def _table(rows: Sequence[Mapping[str, Any]], indent: str) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names] + [[_plain(row.get(name)) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        yield indent + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = json.dumps(value, default=str) if isinstance(value, Mapping | list | tuple) else str(value)
    return text if len(text) <= COLUMN_WIDTH_LIMIT else text[: COLUMN_WIDTH_LIMIT - 1] + "…"
