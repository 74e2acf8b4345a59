"""A parse beside the project, whole or not at all, for every home that agrees in its key.

One process makes it while others wait and then take it. What was cut off or changed on the way is no parse, and the
next one takes its place. A project that cannot be written has none. What does not belong here: making a parse, and what
its key is of (`parsing.py`).
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestration.steps.files import write_atomically
from orchestration.steps.locks import exclusive
from orchestration.steps.warehouse.dbt_process import PARSED

MANIFEST = "manifest.json"  # the parse for Dagster, beside dbt's own
DIGESTS = "sha256.json"
KEPT = 12
LEFT_BEHIND = 3600  # seconds: no draft is written for an hour

Parse = Mapping[str, bytes]
"""Content by file name: `manifest.json` and dbt's own."""


def read_parsed(folder: Path) -> Parse | None:
    """Return what dbt left in its target folder; None where a file is missing."""
    try:
        return {name: (folder / name).read_bytes() for name in (MANIFEST, PARSED)}
    except OSError:
        return None


@dataclass(frozen=True)
class ParseShare:
    """The parse of one key in a folder of such parses."""

    folder: Path
    key: str

    @contextmanager
    def held(self) -> Generator[None]:
        """Wait for another process that makes the same parse. Where nothing can be written, nobody waits."""
        with ExitStack() as stack:
            with suppress(OSError):
                stack.enter_context(exclusive(self.folder.parent, f"parse-{self.key[0]}"))
            yield

    def read(self) -> Parse | None:
        """Return the parse; None where there is none that is as it was written."""
        place = self.folder / self.key
        found = read_parsed(place)
        try:
            told = json.loads((place / DIGESTS).read_bytes())
        except (OSError, ValueError):
            return None
        if found is None or told != _digests(found):
            return None
        with suppress(OSError):
            os.utime(place)  # of use still
        return found

    def keep(self, parse: Parse) -> None:
        """Put a parse in its place, unless it is there already; wants `held`."""
        if self.read() is not None:
            return
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".") as draft:
                self._write(parse, Path(draft))
            _forget_old(self.folder)

    def _write(self, parse: Parse, draft: Path) -> None:
        for name, content in {**parse, DIGESTS: json.dumps(_digests(parse)).encode()}.items():
            write_atomically(draft / "whole" / name, content)
        place = self.folder / self.key
        if place.exists():
            place.rename(draft / "half")
        (draft / "whole").rename(place)


def _digests(parse: Parse) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in parse.items()}


def _forget_old(folder: Path) -> None:
    """Remove all but the parses of late, and drafts that a killed process left."""
    by_age = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    kept = [path for path in by_age if path.name[0] != "."]
    drafts = [path for path in by_age if path.name[0] == "." and path.stat().st_mtime < time.time() - LEFT_BEHIND]
    for path in (*kept[:-KEPT], *drafts):
        shutil.rmtree(path, ignore_errors=True)
