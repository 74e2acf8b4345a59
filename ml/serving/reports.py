"""The report pages over HTTP, read-only, so that a link in Dagster or on the board can open them.

A browser follows no link from an http page to a file. Here belongs only the way to the files; making the pages is
another room's. A page may run scripts of a library (evidently's does), so each is put into a sandbox: it has no
origin, sends nothing, and cannot speak to the service that it came from.

Outside development pages are for people who are signed in and listed (`ops_readers.json`), each for the roles and sites
that `report_shelves.py` names. Where a page holds rows of patients, each look is on record first (mission O7), also in
development, and says why with `?why=`.
"""

import os
import re
from http import HTTPStatus
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from ml.serving import Problem
from ml.serving.config import DEVELOPMENT
from ml.serving.ops.looking import put_on_record, reader_of, refused
from ml.serving.ops.readers import Look
from ml.serving.report_shelves import Shelf, shelf_of, why_not
from ml.serving.running import Running, running_of

PREFIX = "/reports"
WHY = re.compile(r"[A-Za-z0-9 ,.-]{1,80}")
NOT_SAID = "not said"
HEADERS = {
    "Content-Security-Policy": (
        "sandbox allow-scripts allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_reports(app: FastAPI, folder: Path) -> None:
    """Serve the files under `folder`, which need not exist yet, at `/reports/`."""
    app.mount(PREFIX, _ReportFiles(directory=folder, html=True, check_dir=False), name="reports")


class _ReportFiles(StaticFiles):
    async def check_config(self) -> None:
        """Before the first report there is no folder: that is a page not found, not a fault."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The page, once whoever asks may see it. Raises `Problem` 403, 422 or 503."""
        request = Request(scope)
        running = running_of(request)
        shelf = shelf_of(path)
        if shelf.has_rows or running.config.environment != DEVELOPMENT:
            await anyio.to_thread.run_sync(_admit, running, request, path, shelf, Path(str(self.directory)))
        return await super().get_response(path, scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response


def _admit(running: Running, request: Request, path: str, shelf: Shelf, folder: Path) -> None:
    """Let a reader of the page pass, with a look at rows of patients on record; raise `Problem` for anybody else."""
    who, reader = reader_of(running, request)
    site = shelf.site_of(path, running.config.sites, folder)
    if (refusal := why_not(shelf, reader, site)) is not None:
        raise refused("not-a-reader-of-this", refusal)
    if not shelf.has_rows:
        return
    why = request.query_params.get("why", NOT_SAID)
    if WHY.fullmatch(why) is None:
        detail = "Say why in 1 to 80 letters, digits, spaces, commas, stops or hyphens."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "why-not-readable", detail)
    looked_at = (site,) if site else ()
    put_on_record(running, Look(running.config.clock(), who, reader.role, why, looked_at, f"reports/{path}"))
