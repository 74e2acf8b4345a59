"""The report pages over HTTP, read-only, so that a link in Dagster or on the board can open them.

A browser follows no link from an http page to a file. Here belongs only the way to the files; making the pages is
another room's. A page may run scripts of a library (evidently's does), so each is put into a sandbox: it has no
origin, sends nothing, and cannot speak to the service that it came from.

Outside development pages are for people who are signed in and listed (`ops_readers.json`). Pages of reviews hold rows
of patients: each look at one is on record first (mission O7), also in development, and says why with `?why=`.
"""

import os
import re
from http import HTTPStatus
from pathlib import Path, PurePosixPath

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from ml.serving import Problem
from ml.serving.config import DEVELOPMENT
from ml.serving.ops.looking import put_on_record, reader_of, refused
from ml.serving.ops.readers import Look, Role
from ml.serving.running import Running, running_of

PREFIX = "/reports"
OF_PATIENTS = "reviews"
"""The folder whose pages show rows of patients (pseudonymous, as in the lake)."""
MAY_SEE_ROWS: frozenset[Role] = frozenset({"clinician", "engineer", "governance"})
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
        is_of_patients = OF_PATIENTS in PurePosixPath(path).parts
        if is_of_patients or running.config.environment != DEVELOPMENT:
            await anyio.to_thread.run_sync(_admit, running, request, path if is_of_patients else None)
        return await super().get_response(path, scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response


def _admit(running: Running, request: Request, rows: str | None) -> None:
    """Let a listed reader pass, with the look at `rows` of patients on record; raise `Problem` for anybody else."""
    who, reader = reader_of(running, request)
    if rows is None:
        return
    why = request.query_params.get("why", NOT_SAID)
    if WHY.fullmatch(why) is None:
        detail = "Say why in 1 to 80 letters, digits, spaces, commas, stops or hyphens."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "why-not-readable", detail)
    if reader.role not in MAY_SEE_ROWS or reader.sites is not None:
        raise refused(
            "not-a-reader-of-rows",
            f"Rows of patients are for {', '.join(sorted(MAY_SEE_ROWS))} of all sites; ask the reviewer of the feed.",
        )
    put_on_record(running, Look(running.config.clock(), who, reader.role, why, (), f"reports/{rows}"))
