"""A process that can be killed before any durable effect: a name made, moved or removed, a file synced, a commit.

Nothing that comes after the kill has an effect either, whatever catches and cleans up: `kill -9` runs no `finally`.
What was being written is left torn: a file that was opened is empty, one that was being synced is half. Nothing is
really synced meanwhile, which only makes it fast.
"""

import builtins
import io
import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

NAMES = ("replace", "rename", "unlink", "rmdir", "mkdir", "link")


class Killed(BaseException):
    """The process is no more."""


class Power:
    """The effects in one home, counted by label: the first part of the path, and what is done (`pointers replace`)."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.home: Path | None = None
        self.done: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self._at: tuple[str, int] | None = None
        self._is_dead = False
        for name in NAMES:
            patch.setattr(os, name, self._named(name, getattr(os, name)))
        patch.setattr(os, "fsync", self._fsync)
        patch.setattr(os, "open", self._os_open(os.open))
        for module in (builtins, io):
            patch.setattr(module, "open", self._open(io.open))
        event.listen(Engine, "commit", self._commit)
        event.listen(Engine, "connect", _fast)

    def close(self) -> None:
        event.remove(Engine, "commit", self._commit)
        event.remove(Engine, "connect", _fast)

    @contextmanager
    def running(self, home: Path, dies_at: tuple[str, int] | None = None) -> Generator[None]:
        """Run a process in a home; it dies before the so-manieth (0: first) effect of a label, if it comes so far."""
        self.home, self._at, self._is_dead, self.done = home, dies_at, False, Counter()
        try:
            yield
        finally:
            self.home = None

    def _effect(self, path: object, what: str, tear: Callable[[], object] | None = None) -> None:
        where = self._top(path)
        if where is None:
            return
        label = f"{where} {what}"
        if not self._is_dead and self._at == (label, self.done[label]):
            self._is_dead = True
            self.kills[label] += 1
            if tear is not None:
                tear()
        if self._is_dead:
            raise Killed(label)
        self.done[label] += 1

    def _top(self, path: object) -> str | None:
        if self.home is None or not isinstance(path, str | os.PathLike):
            return None
        try:
            parts = Path(path).relative_to(self.home).parts
        except ValueError:
            return None
        return parts[0].removeprefix(".") if parts else "home"

    def _named(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *given: Any, **named: Any) -> Any:
            self._effect(given[0] if given and name in ("replace", "rename", "link") else path, name)
            return real(path, *given, **named)

        return call

    def _fsync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        found = os.fstat(descriptor)
        is_file = stat.S_ISREG(found.st_mode)
        tear = (lambda: os.ftruncate(descriptor, found.st_size // 2)) if is_file else None
        self._effect(path, "sync" if is_file else "sync-folder", tear)

    def _os_open(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, *given: Any, **named: Any) -> int:
            if flags & os.O_CREAT:
                self._effect(path, "open", lambda: os.close(real(path, flags, *given, **named)))
            return real(path, flags, *given, **named)

        return call

    def _open(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
            if set(mode) & set("wxa+"):
                self._effect(file, "open", lambda: real(file, mode, *given, **named).close())
            return real(file, mode, *given, **named)

        return call

    def _commit(self, connection: Connection) -> None:
        self._effect(self._database(connection), "commit")

    def _database(self, connection: Connection) -> object:
        """The file that is written; a server's is the ledger of the home, the only one that lies on a server here."""
        if connection.dialect.name == "postgresql":
            return self.home and self.home / "ledger.db"
        return connection.engine.url.database


def _fast(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = off")
