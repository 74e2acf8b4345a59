"""The report pages over HTTP, read-only, so that a link in Dagster or on the board can open them.

A browser follows no link from an http page to a file. Here belongs only the way to the files; making the pages is
another room's. A page may run scripts of a library (evidently's does), so each is put into a sandbox: it has no
origin, sends nothing, and cannot speak to the service that it came from.
"""

import os
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

PREFIX = "/reports"
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

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response
