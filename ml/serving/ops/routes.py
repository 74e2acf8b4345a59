"""The address of the page of operations: who asks, what they may see, and that their look is on record first."""

from http import HTTPStatus
from typing import Annotated

import anyio.to_thread
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse

from ml.features.pseudonym import pseudonym
from ml.serving import Problem
from ml.serving.config import PRODUCTION
from ml.serving.ops.document import OperationsUnreadable, read_operations
from ml.serving.ops.page import operations_page
from ml.serving.ops.readers import Look, Reader, ReadersUnreadable, Role, load_readers, record_look
from ml.serving.problems import problem_responses
from ml.serving.rates import Rates
from ml.serving.running import Running, running_of

LOOKS_PER_SECOND = 2.0
Why = Annotated[str, Query(pattern=r"^[A-Za-z0-9 ,.-]{1,80}$")]
NOBODY = "nobody signed in"


def add_operations(app: FastAPI) -> None:
    """Add `/ops`."""
    rates = Rates(LOOKS_PER_SECOND)

    @app.get(
        "/ops", tags=["Operations"], response_class=HTMLResponse, responses=problem_responses(403, 404, 422, 429, 503)
    )
    async def operations(request: Request, role: Role | None = None, why: Why = "operations") -> HTMLResponse:
        """Model, workflow and outcome metrics by unit, role, shift and site, each reader with their own sections."""
        running = running_of(request)
        who, reader = await anyio.to_thread.run_sync(_reader, running, request, role)
        rates.take(who)
        page = await anyio.to_thread.run_sync(_page, running, who, reader, why)
        return HTMLResponse(page)


def _reader(running: Running, request: Request, chosen: Role | None) -> tuple[str, Reader]:
    """Who asks (a pseudonym) and as what. Raises `Problem` 403 for whoever is not known."""
    header = running.config.people_header
    name = None if header is None else request.headers.get(header)
    if header is None and running.config.environment != PRODUCTION:
        return NOBODY, Reader(role=chosen or "governance")
    if not name:
        raise _refused(
            "not-signed-in", "Nobody is signed in; ask through the proxy that signs people in (serve --people-header)."
        )
    try:
        reader = load_readers(running.config.home).people.get(name)
    except ReadersUnreadable as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "readers-unreadable", str(error)) from error
    if reader is None or (chosen is not None and chosen != reader.role):
        raise _refused(
            "not-a-reader", "You are no reader of this page, or not in this role; ask whoever keeps ops_readers.json."
        )
    key = next(iter(running.config.sites))
    return pseudonym(running.config.pseudonym_key(key), "Staff", name), reader


def _page(running: Running, who: str, reader: Reader, why: str) -> str:
    config = running.config
    try:
        document = read_operations(config.home)
    except OperationsUnreadable as error:
        raise Problem(HTTPStatus.NOT_FOUND, "nothing-published", str(error)) from error
    sites = tuple(one.site for one in document.sites if reader.sites is None or one.site in reader.sites)
    try:
        record_look(config.home, Look(config.clock(), who, reader.role, why, sites))
    except OSError as error:
        detail = f"Looks cannot be put on record ({error.strerror}), so that nothing is shown."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "look-not-recorded", detail) from error
    return operations_page(document, reader.role, sites, note=config.note, is_chooser=who == NOBODY)


def _refused(kind: str, detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, kind, detail)
