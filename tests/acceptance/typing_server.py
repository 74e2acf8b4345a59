"""Runs commands of the command line, each in a process of its own that is forked from one that has imported it all.

Importing takes most commands longer than their work; a command starts here with nothing but modules in memory. What
runs is `orchestration.cli.main` with its arguments, environment, standard streams and exit code, as a shell would run
it. `python -m tests.acceptance.typing_server` reads one JSON document a line and answers each with the exit code.
"""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

IMPORTED = (
    "duckdb",
    "lightgbm",
    "pyarrow.parquet",
    "orchestration.cli",
    "orchestration.steps.releases.approval",
    "orchestration.steps.releases.release",
    "orchestration.steps.watching.status",
    "orchestration.steps.warehouse.tables",
    "orchestration.steps.kinds.classifier",
)


@dataclass(frozen=True)
class TypingServer:
    """The process that forks; it ends with the standard input that it reads from."""

    process: subprocess.Popen[str]

    @staticmethod
    def started() -> "TypingServer":
        command = [sys.executable, "-m", "tests.acceptance.typing_server"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
        return TypingServer(process)

    def run(self, arguments: list[str], environment: dict[str, str], out: Path, err: Path) -> int:
        """Run a command with its standard output and error in files; return its exit code."""
        asked = {"arguments": arguments, "environment": environment, "out": str(out), "err": str(err)}
        asking, answers = _open(self.process.stdin), _open(self.process.stdout)
        asking.write(json.dumps(asked) + "\n")
        asking.flush()
        return int(answers.readline())

    def stop(self) -> None:
        _open(self.process.stdin).close()
        self.process.wait(30)


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def serve() -> None:
    """Fork for every line; the parent only waits, and imports nothing more."""
    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(asked: dict[str, object]) -> None:
    """Be the command: nothing of the parent's streams or environment is left."""
    from orchestration.cli import main

    for number, path in ((0, os.devnull), (1, str(asked["out"])), (2, str(asked["err"]))):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(asked["environment"])  # type: ignore[arg-type]
    sys.argv = ["pilothouse", *asked["arguments"]]  # type: ignore[misc]
    try:
        main(prog_name=sys.argv[0])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
