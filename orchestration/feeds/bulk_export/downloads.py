"""One file from the server to disk: in pieces, within bounds, whole or not at all.

What does not belong here: which files there are (manifest.py).
"""

import os
from pathlib import Path

import httpx

from orchestration.feeds.bulk_export.addresses import told
from orchestration.feeds.bulk_export.errors import ExportRefused, ExportUnreachable, ExportUnsafe
from orchestration.feeds.bulk_export.journal import RemoteFile
from orchestration.feeds.bulk_export.web import PASSING, Web

NDJSON = {"Accept": "application/fhir+ndjson"}
OK = 200
GONE = frozenset({403, 404, 410})


class FileGone(Exception):
    """The server keeps the file no longer under this address; its list of files may name another."""


def download(web: Web, file: RemoteFile, target: Path, room: int, *, with_token: bool) -> int:
    """Fetch a file; return its size in bytes. `room` is what may still come.

    Raises `FileGone`, `ExportUnreachable` where it never comes whole, and `ExportUnsafe` where it is too large.
    """
    draft, why = target.with_suffix(".part"), ""
    for attempt in range(web.bounds.tries):
        wait = web.guess(attempt)
        try:
            with web.stream(file.url, NDJSON, with_token=with_token) as response:
                if response.status_code == OK:
                    size, records = _written(response, draft, min(room, web.bounds.file), file)
                    if file.count in (None, records):
                        draft.replace(target)
                        return size
                    why = f"{records} of {file.count} records"
                elif response.status_code in GONE:
                    raise FileGone
                elif response.status_code not in PASSING:
                    raise ExportRefused(f"{told(file.url)} is refused with {response.status_code}; ask its operators.")
                else:
                    why, wait = str(response.status_code), web.wait_of(response.headers, attempt)
        except (httpx.TransportError, httpx.DecodingError) as error:
            why = type(error).__name__
        if attempt + 1 < web.bounds.tries:
            web.pace.sleep(wait)
    draft.unlink(missing_ok=True)
    raise ExportUnreachable(
        f"{file.name} did not come whole in {web.bounds.tries} attempts (last: {why}). What came so far is kept: run "
        "the same command again later."
    )


def _written(response: httpx.Response, draft: Path, most: int, file: RemoteFile) -> tuple[int, int]:
    """Write a file's bytes; return how many and how many lines that are not blank."""
    size, records, rest = 0, 0, b""
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > most:
                raise ExportUnsafe(
                    f"{file.name} is larger than the {most} bytes that may come; ask for fewer types, or for a group."
                )
            stream.write(chunk)
            *lines, last = chunk.split(b"\n")
            if lines:
                records += bool((rest + lines[0]).strip()) + sum(1 for line in lines[1:] if line.strip())
                rest = last[-64:] or b""
            else:
                rest = (rest + last)[-64:]
        stream.flush()
        os.fsync(stream.fileno())
    return size, records + bool(rest.strip())
