"""The address of the page of operations: who asks, what they may see, and that their look is on record first."""

from http import HTTPStatus
from typing import Annotated

import anyio.to_thread
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse

from ml.serving import Problem
from ml.serving.ops.document import OperationsUnreadable, read_operations
from ml.serving.ops.looking import NOBODY, put_on_record, reader_of
from ml.serving.ops.page import operations_page
from ml.serving.ops.readers import Look, Reader, Role
from ml.serving.problems import problem_responses
from ml.serving.rates import Rates
from ml.serving.running import Running, running_of

LOOKS_PER_SECOND = 2.0
Why = Annotated[str, Query(pattern=r"^[A-Za-z0-9 ,.-]{1,80}$")]


def add_operations(app: FastAPI) -> None:
    """Add `/ops`."""
    rates = Rates(LOOKS_PER_SECOND)

    @app.get(
        "/ops", tags=["Operations"], response_class=HTMLResponse, responses=problem_responses(403, 404, 422, 429, 503)
    )
    async def operations(request: Request, role: Role | None = None, why: Why = "operations") -> HTMLResponse:
        """Model, workflow and outcome metrics by unit, role, shift and site, each reader with their own sections."""
        running = running_of(request)
        who, reader = await anyio.to_thread.run_sync(reader_of, running, request, role)
        rates.take(who)
        page = await anyio.to_thread.run_sync(_page, running, who, reader, why)
        return HTMLResponse(page)


def _page(running: Running, who: str, reader: Reader, why: str) -> str:
    config = running.config
    try:
        document = read_operations(config.home)
    except OperationsUnreadable as error:
        raise Problem(HTTPStatus.NOT_FOUND, "nothing-published", str(error)) from error
    sites = tuple(one.site for one in document.sites if reader.sites is None or one.site in reader.sites)
    put_on_record(running, Look(config.clock(), who, reader.role, why, sites))
    return operations_page(document, reader.role, sites, note=config.note, is_chooser=who == NOBODY)
