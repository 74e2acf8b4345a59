"""What an export has come to, on disk: what was kicked off, which files there are, which are done, what ended when.

Addresses of files may be secrets, so the folder and its files are the owner's alone. What does not belong here: asking.
"""

import os
import shutil
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration.feeds.bulk_export.errors import ExportError
from orchestration.feeds.durable import make_folder, sync_folder

Kind = Literal["output", "deleted", "error"]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RemoteFile(_Kept):
    """One file of the server, and where it lies here once it is done."""

    kind: Kind
    type: str
    url: str
    name: str
    count: int | None = None
    size: int = 0
    is_done: bool = False


class Job(_Kept):
    """An export that was begun. `scope` is what it is about, `files` is null until the server has said which."""

    scope: str
    since: str | None
    status_url: str
    started_at: float
    transaction_time: str | None = None
    needs_token: bool = True
    files: list[RemoteFile] | None = None


class Ended(_Kept):
    """An export that was landed whole: the server's time of its state, and ours when it ended."""

    transaction_time: str
    ended_at: float


class _Journal(_Kept):
    job: Job | None = None
    ended: dict[str, Ended] = Field(default_factory=dict[str, Ended])


class Journal:
    """The journal of one site's exports in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, folder / "files"
        self.path = folder / "journal.json"
        for made in (folder, self.files):
            make_folder(made)
        self._kept = self._read()

    @property
    def job(self) -> Job | None:
        return self._kept.job

    def ended(self, scope: str) -> Ended | None:
        """Return the last export of a scope that was landed whole."""
        return self._kept.ended.get(scope)

    @property
    def last_ended(self) -> float | None:
        """Return when any export last ended whole, in seconds since 1970."""
        return max((ended.ended_at for ended in self._kept.ended.values()), default=None)

    def keep(self, job: Job) -> None:
        """Remember how far a job is, durably."""
        self._write(self._kept.model_copy(update={"job": job}))

    def end(self, job: Job, ended: Ended | None) -> None:
        """Forget a job and its files; `ended` is null where it was not landed whole."""
        known = {**self._kept.ended, **({job.scope: ended} if ended else {})}
        self._write(_Journal(job=None, ended=known))
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir(mode=0o700, exist_ok=True)

    def _read(self) -> _Journal:
        if not self.path.exists():
            return _Journal()
        try:
            return _Journal.model_validate_json(self.path.read_bytes())
        except ValidationError as error:
            raise ExportError(
                f"{self.path.name} of the exports cannot be read; remove it to begin anew, which exports everything."
            ) from error

    def _write(self, kept: _Journal) -> None:
        draft = self.path.with_suffix(".part")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(kept.model_dump_json(indent=1).encode())
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self.path)
        sync_folder(self.path.parent)
        self._kept = kept
