"""The board's addresses: a page for people, the same as data, and a person's own figure for a shift.

Here belong the addresses and who may write: a form of this page or a program, never another site's page. Outside
development a person is known by the header of the proxy that signed them in (`serve --people-header`), or only looks.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import anyio.to_thread
from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.exc import SQLAlchemyError

from ml.features.pseudonym import pseudonym
from ml.registry.manifest import Nowhere
from ml.serving import Problem, StoreUnavailable
from ml.serving.board.adjusting import Adjustment, adjust, adjustments_of
from ml.serving.board.page import board_page, with_nonce
from ml.serving.board.shifts import Section, section_of
from ml.serving.board.visits import WINDOW, Board, board_of
from ml.serving.bodies import decoded, shaped
from ml.serving.config import DEVELOPMENT
from ml.serving.hooks import TRIAGE
from ml.serving.limits import require_json
from ml.serving.live import Live
from ml.serving.plans import Planning
from ml.serving.problems import problem_responses
from ml.serving.running import Running, running_of

SiteName = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
UnitName = Annotated[str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20
YESTERDAY = timedelta(days=1)


def add_board(app: FastAPI) -> None:
    """Add the board's addresses."""
    refusals = problem_responses(400, 403, 404, 409, 413, 415, 422, 503)

    @app.get(
        "/board/{site}/{unit}", tags=["Board"], response_class=HTMLResponse, responses=problem_responses(404, 422, 503)
    )
    async def board_for_people(request: Request, site: SiteName, unit: UnitName) -> HTMLResponse:
        """The huddle board as a page."""
        running = running_of(request)
        _known_unit(running, running.site(request), unit)

        async def draw() -> str:
            config = running.config
            return board_page(await _board(running, site, unit), config.sites[site], config.note)

        return HTMLResponse(with_nonce(await running.pages.page((site, unit), draw), uuid4()))

    @app.get("/api/v1/board/{site}/{unit}", tags=["Board"], responses=problem_responses(404, 422, 503))
    async def board(request: Request, site: SiteName, unit: UnitName) -> Board:  # noqa: ARG001 - site is checked by its pattern
        """The huddle board as data."""
        running = running_of(request)
        return await _board(running, running.site(request), unit)

    @app.post("/board/{site}/{unit}/adjustments", tags=["Board"], responses=refusals, status_code=303)
    async def adjust_on_page(request: Request, site: SiteName, unit: UnitName) -> Response:
        """Take a person's own figure from the page's form, and show the page again."""
        if (request.headers.get("content-type") or "").partition(";")[0].strip().lower() != FORM:
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-a-form", f"Send the page's form, as {FORM}.")
        await _adjust(request, unit, _fields(await request.body()))
        return RedirectResponse(f"/board/{site}/{unit}", status_code=HTTPStatus.SEE_OTHER)

    @app.post(
        "/api/v1/board/{site}/{unit}/adjustments",
        tags=["Board"],
        responses=refusals,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": Adjustment.model_json_schema()}},
            }
        },
    )
    async def adjust_by_program(request: Request, site: SiteName, unit: UnitName) -> dict[str, str]:  # noqa: ARG001
        """Take a person's own figure for a shift; it is on disk before the answer goes out."""
        require_json(request.headers.get("content-type"))
        return {"adjustment": await _adjust(request, unit, decoded(await request.body()))}


async def _adjust(request: Request, unit: str, document: dict[str, Any]) -> str:
    running = running_of(request)
    site = running.site(request)
    _refuse_other_origin(request)
    made_by = _person(running, request, site)
    _known_unit(running, site, unit)
    asked = shaped(Adjustment, document, "The adjustment", HTTPStatus.UNPROCESSABLE_ENTITY)
    watch = running.plans.get(asked.use_case)
    state = None if watch is None else await watch.state(site)
    if not isinstance(state, Planning):
        raise Problem(HTTPStatus.CONFLICT, "no-plan-shown", f"{asked.use_case} shows no plan here; reload the board.")
    try:
        return await adjust(running.store, site, unit, asked, state, running.config.clock(), made_by)
    finally:
        running.pages.forget(site)


def _refuse_other_origin(request: Request) -> None:
    """Raise `Problem` 403 for a write that a page of another site has a browser send.

    A browser says itself where a request comes from; one that does not is judged by its Origin, which a proxy that
    rewrites Host makes look foreign. A program sends neither.
    """
    fetched, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign if fetched is None else fetched not in ("same-origin", "none"):
        raise Problem(HTTPStatus.FORBIDDEN, "other-origin", "A page of another site sent this; adjust on the board.")


def _person(running: Running, request: Request, site: str) -> str | None:
    header = running.config.people_header
    name = None if header is None else request.headers.get(header)
    if name:
        return pseudonym(running.config.pseudonym_key(site), "Staff", name)
    if header is not None or running.config.environment != DEVELOPMENT:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "not-signed-in",
            "Nobody is signed in; adjust through the proxy that signs people in (serve --people-header).",
        )
    return None


def _fields(body: bytes) -> dict[str, Any]:
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=MAX_FIELDS, strict_parsing=True))
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "not-a-form", "The form cannot be read; reload the board.") from error


def _known_unit(running: Running, site: str, unit: str) -> None:
    units = running.config.sites[site].units
    if units and unit not in units:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-unit", f"The site has no such unit; known: {', '.join(units)}.")


async def _board(running: Running, site: str, unit: str) -> Board:
    _known_unit(running, site, unit)
    state = await running.triage.state(site)
    launch = running.config.sites[site].launch_of(TRIAGE)
    scopes = (state.release.manifest.scope, launch) if isinstance(state, Live) else ()
    is_outside = any(isinstance(scope, Nowhere) or (scope.units and unit not in scope.units) for scope in scopes)
    if is_outside and unit not in running.config.sites[site].units:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-unit", "The site's release does not serve a unit of that name.")
    now = running.config.clock()
    try:
        counts = await anyio.to_thread.run_sync(running.store.board, TRIAGE, site, unit, now - WINDOW)
        sections = [await _section(running, use_case, site, unit) for use_case in running.plans]
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The event store cannot be read ({type(error).__name__}).") from error
    wall = running.config.steady_clock.now()
    return board_of(TRIAGE, site, unit, state, counts, now, wall, sections=sections, is_outside=is_outside)


async def _section(running: Running, use_case: str, site: str, unit: str) -> Section:
    now, titles = running.config.clock(), running.config.titles
    since = (now.astimezone(running.config.sites[site].zone) - YESTERDAY).date()
    adjusted: Mapping[Any, Any] = await anyio.to_thread.run_sync(
        adjustments_of, running.store, use_case, site, unit, since
    )
    state = await running.plans[use_case].state(site)
    wall = running.config.steady_clock.now()
    return section_of(use_case, titles.get(use_case, use_case), unit, state, adjusted, now, wall)
