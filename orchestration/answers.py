"""How a command answers: one JSON document or readable text on standard output, and an exit code that means something.

0 done, 1 refused or failed with the reason, 2 wrong usage, 3 a contract stopped the feed. What nobody expected is said
in a sentence too, and where it happened is kept in a log. What does not belong here: what a command does.
"""

import errno
import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from orchestration.steps.answer import FAILED, Answer

COLUMN_WIDTH_LIMIT = 60
JSON = "--json"
TOLD_IN_FULL = ("warnings", "problems")
"""Members of a document whose sentences people read before anything else, and uncut."""


class Commands(click.Group):
    """A group of commands whose wrong usage is one JSON document as well, where JSON was asked for."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> Any:
        arguments = sys.argv[1:] if args is None else list(args)
        if not any(one == JSON or one.startswith(f"{JSON}=") for one in arguments):
            return super().main(arguments, *more, **extra)
        code: Any = FAILED
        try:
            code = super().main(arguments, *more, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            _print(_as_json(_usage_document(error, self)))
            code = error.exit_code
        except click.Abort:
            _print(_as_json({"error": "Interrupted."}))
        sys.exit(code if isinstance(code, int) else 0)


def answers(command: Callable[..., Answer]) -> Callable[..., None]:
    """Give a command `--json`; print its `Answer`; turn what it raises into a sentence and an exit code."""

    @click.option(JSON, "as_json", is_flag=True, help="Print one JSON document and nothing else.")
    @functools.wraps(command)
    def run(*args: Any, as_json: bool, **kwargs: Any) -> None:
        try:
            answer = command(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the last place where anything can be said in a sentence
            answer = _answer_to(error)
        _print(_as_json(answer.document) if as_json else _as_words(answer))
        sys.exit(answer.exit_code)

    return run


def _answer_to(error: Exception) -> Answer:
    """Say an error. Raises `click.UsageError` for wrong usage, and click's own as they are."""
    from orchestration.steps.errors import WrongUsage, known_errors, refusal_of
    from orchestration.steps.machine import machine_answer
    from orchestration.steps.unexpected import unexpected_answer

    if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort):
        raise error
    if isinstance(error, WrongUsage):
        raise click.UsageError(str(error), click.get_current_context()) from error
    if isinstance(error, known_errors()):
        return refusal_of(error)
    return machine_answer(error) or unexpected_answer(error)


def _usage_document(error: click.ClickException, group: click.Group) -> dict[str, Any]:
    known = error.ctx if isinstance(error, click.UsageError) else None
    context = known or click.Context(group, info_name=group.name)
    message = error.format_message()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        message = "A command is missing."
    return {"error": message, "usage": context.get_usage().removeprefix("Usage: ")}


def _print(text: str) -> None:
    """Print, whatever letters the terminal knows; where nothing can be written any more, end without complaint."""
    try:
        click.echo(text)
    except UnicodeEncodeError:
        click.echo(text.encode("ascii", "backslashreplace").decode())
    except OSError as error:
        if error.errno != errno.EPIPE:  # whoever closes a pipe does not want to hear of it
            progress(f"The answer could not be written: {error.strerror}.")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again at the end
        sys.exit(FAILED)


def _as_words(answer: Answer) -> str:
    """The answer for people: what must be told first, then the rest."""
    document = answer.document
    if not isinstance(document, Mapping):
        return answer.text or as_text(document)
    told = [sentence for name in TOLD_IN_FULL for sentence in _sentences(document.get(name))]
    rest = {name: value for name, value in document.items() if name not in TOLD_IN_FULL}
    return "\n".join([*(f"WARNING: {sentence}" for sentence in told), answer.text or as_text(rest)])


def _sentences(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


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
    cells = [names] + [[_cut(_plain(row.get(name))) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        yield indent + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, default=str) if isinstance(value, Mapping | list | tuple) else str(value)


def _cut(text: str) -> str:
    """A cell of a table; what stands on a line of its own, such as a key or a sentence, is never cut."""
    return text if len(text) <= COLUMN_WIDTH_LIMIT else text[: COLUMN_WIDTH_LIMIT - 1] + "…"
