"""One file from the server to disk: in pieces, within bounds, encrypted as it comes, whole or not at all.

What does not belong here: which files there are (manifest.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from orchestration.feeds.bulk_export.addresses import told
from orchestration.feeds.bulk_export.errors import ExportRefused, ExportUnreachable, ExportUnsafe
from orchestration.feeds.bulk_export.journal import RemoteFile
from orchestration.feeds.bulk_export.web import PASSING, Web
from orchestration.feeds.vault import Vault

NDJSON = {"Accept": "application/fhir+ndjson"}
OK = 200
GONE = frozenset({403, 404, 410})


class FileGone(Exception):
    """The server keeps the file no longer under this address; its list of files may name another."""


class _NotWhole(Exception):
    """A file ended before its last record."""


def download(web: Web, file: RemoteFile, vault: Vault, target: Path, room: int, *, with_token: bool) -> int:
    """Fetch a file to where it waits, encrypted from its first byte; return its size. `room` is what may still come.

    Raises `FileGone`, `ExportUnreachable` where it never comes whole, and `ExportUnsafe` where it is too large.
    """
    why = ""
    for attempt in range(web.bounds.tries):
        wait = web.guess(attempt)
        try:
            with web.stream(file.url, NDJSON, with_token=with_token) as response:
                if response.status_code == OK:
                    passing = _Passing()
                    vault.wait_stream(passing.through(response, min(room, web.bounds.file), file), target)
                    return passing.size
                if response.status_code in GONE:
                    raise FileGone
                if response.status_code not in PASSING:
                    raise ExportRefused(f"{told(file.url)} is refused with {response.status_code}; ask its operators.")
                why, wait = str(response.status_code), web.wait_of(response.headers, attempt)
        except _NotWhole as error:
            why = str(error)
        except (httpx.TransportError, httpx.DecodingError) as error:
            why = type(error).__name__
        if attempt + 1 < web.bounds.tries:
            web.pace.sleep(wait)
    raise ExportUnreachable(
        f"{file.name} did not come whole in {web.bounds.tries} attempts (last: {why}). What came so far is kept: run "
        "the same command again later."
    )


@dataclass
class _Passing:
    """What has gone by of a file: its bytes, and its lines that are not blank."""

    size: int = 0
    records: int = 0

    def through(self, response: httpx.Response, most: int, file: RemoteFile) -> Iterator[bytes]:
        """Yield a file's bytes as they come. Raises `_NotWhole` behind the last where records are missing."""
        rest = b""
        for chunk in response.iter_bytes():
            self.size += len(chunk)
            if self.size > most:
                raise ExportUnsafe(
                    f"{file.name} is larger than the {most} bytes that may come; ask for fewer types, or for a group."
                )
            yield chunk
            *lines, last = chunk.split(b"\n")
            if lines:
                self.records += bool((rest + lines[0]).strip()) + sum(1 for line in lines[1:] if line.strip())
                rest = last[-64:]
            else:
                rest = (rest + last)[-64:]
        self.records += bool(rest.strip())
        if file.count not in (None, self.records):
            raise _NotWhole(f"{self.records} of {file.count} records")
