"""The HTTP service: CDS Hooks 2.0, the huddle board, health and metrics.

Here belong addresses and their answers. `create_app` reads nothing from the environment and starts nothing:
the event store opens when the server does.

Every site is served under `/sites/<site>/cds-services`. At the root, `/cds-services` is the site of
`ServingConfig.default_site`, or of the home's only pointer; with several and no default it answers 404 and
says so.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

import anyio.to_thread
from fastapi import FastAPI, Path, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from ml.serving import Problem, ServingRefused, StoreUnavailable
from ml.serving.advice import RELEASE_REFUSED
from ml.serving.board import WINDOW, Board, board_of, board_page
from ml.serving.config import PRODUCTION, ServingConfig
from ml.serving.events import EventStore
from ml.serving.hooks import (
    SERVICE_PREFIX,
    TRIAGE,
    Discovery,
    FeedbackRequest,
    HookRequest,
    HookResponse,
    triage_service,
)
from ml.serving.limits import BodyLimit, require_json
from ml.serving.metrics import CountResponses, Meters
from ml.serving.problems import add_problem_handlers, problem_responses
from ml.serving.releases import Idle, Live, ReleaseWatch, SiteState
from ml.serving.reports import add_reports
from ml.serving.service import TriageService
from ml.serving.tokens import CLIENTS_FILE, TrustedClients, replayed
from ml.serving.watching import watching

LOG = logging.getLogger("pilothouse.serving")
SERVICE_ID = SERVICE_PREFIX + TRIAGE
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"

SiteName = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
UnitName = Annotated[str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]


class SiteStatus(BaseModel):
    """What one site serves."""

    use_case: str
    site: str
    stage: str
    tier: str | None
    tier_reason: str | None
    release: str | None
    model_version: str | None
    generation: int | None
    is_ready: bool
    reason: str | None


class Status(BaseModel):
    """What the service serves."""

    environment: str
    is_authenticated: bool
    releases: list[SiteStatus]


class Health(BaseModel):
    """Alive, or ready."""

    status: str


def create_app(config: ServingConfig) -> FastAPI:
    """Build the service. Raises `ServingRefused` when it must not start as it is configured."""
    clients = TrustedClients.load(config.home)
    if clients is None and config.environment == PRODUCTION:
        raise ServingRefused(
            f"In production every client is authenticated: list them in {CLIENTS_FILE} in the home folder."
        )
    if clients is None:
        LOG.warning("Clients are not authenticated: there is no %s (environment %s).", CLIENTS_FILE, config.environment)
    meters = Meters()
    app = FastAPI(
        title="Pilothouse",
        version="1",
        summary="CDS Hooks 2.0 triage advice from verified releases, and the huddle board.",
        lifespan=lambda app: _lifespan(app, config, meters, clients),
        docs_url=None,
        redoc_url=None,
    )
    add_problem_handlers(app)
    _add_hooks(app, "/sites/{site}", "site")
    _add_hooks(app, "", "root")
    _add_board(app)
    _add_health(app)
    if config.reports is not None:
        add_reports(app, config.reports)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(config.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(BodyLimit, limit_bytes=config.body_limit_bytes, timeout_seconds=config.body_timeout_seconds)
    app.add_middleware(CountResponses, meters=meters)
    return app


class _Running:
    """What a running service holds."""

    def __init__(self, config: ServingConfig, meters: Meters, clients: TrustedClients | None) -> None:
        self.config = config
        self.meters = meters
        self.clients = clients
        self.store = EventStore(config.event_store_url, config.store_timeout_seconds)
        self.watch = ReleaseWatch(config, self.store, TRIAGE)
        self.triage = TriageService(config, self.store, self.watch, meters)

    def served_sites(self) -> list[str]:
        """The sites that have, or had, a pointer and that this service knows."""
        return [site for site in self.watch.sites() if site in self.config.sites]

    def site(self, request: Request) -> str:
        """The site that an address speaks of. Raises `Problem` 404."""
        named = request.path_params.get("site")
        if named is not None:
            if named not in self.config.sites:
                raise Problem(
                    HTTPStatus.NOT_FOUND, "unknown-site", "There is no site of that name; see /api/v1/status."
                )
            return named
        pointed = self.served_sites()
        default = self.config.default_site or (pointed[0] if len(pointed) == 1 else None)
        if default is None or default not in self.config.sites:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "site-not-named",
                f"This service has {len(pointed)} sites with a release; call /sites/<site>/cds-services instead.",
            )
        return default

    async def authorise(self, request: Request, site: str, service_path: str) -> None:
        """Verify and spend the client's token, if clients are authenticated. Raises `Problem`."""
        if self.clients is None:
            return
        base = self.config.base_url.rstrip("/")
        audiences = sorted({base + service_path, base + request.url.path})
        token = self.clients.verify(request.headers.get("authorization"), audiences, site)
        if not await self.store.spend_token(token.issuer, token.jti, token.expires_at, self.config.clock()):
            raise replayed()


@asynccontextmanager
async def _lifespan(
    app: FastAPI, config: ServingConfig, meters: Meters, clients: TrustedClients | None
) -> AsyncGenerator[None]:
    running = _Running(config, meters, clients)
    app.state.running = running
    try:
        for site in running.served_sites():
            _log_state(site, await running.triage.state(site))
        async with watching(running.served_sites, running.triage.state):
            yield
    finally:
        running.store.close()


def _log_state(site: str, state: SiteState) -> None:
    if isinstance(state, Live):
        LOG.info("%s: release %s, stage %s, tier %s", site, state.release.digest[:12], state.stage, state.tier)
    else:
        LOG.warning("%s: %s: %s", site, state.status, state.reason)


def _running(request: Request) -> _Running:
    return request.app.state.running


def _body_of(shape: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of a body that is decoded by hand, for speed and for its problems."""
    schema = shape.model_json_schema()
    content = {"application/json": {"schema": _inlined(schema, schema.pop("$defs", {}))}}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with every `#/$defs/` reference replaced: such references mean nothing inside OpenAPI."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[str(schema["$ref"]).rsplit("/", 1)[-1]], definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def _add_hooks(app: FastAPI, prefix: str, name: str) -> None:
    refusals = problem_responses(400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 503)

    @app.get(
        f"{prefix}/cds-services", tags=["CDS Hooks"], operation_id=f"discover_{name}", responses=problem_responses(404)
    )
    def discover(request: Request) -> Discovery:
        """List the services (CDS Hooks 2.0, discovery)."""
        _running(request).site(request)
        return Discovery(services=[triage_service()])

    @app.post(
        f"{prefix}/cds-services/{SERVICE_ID}",
        tags=["CDS Hooks"],
        operation_id=f"triage_{name}",
        response_model=HookResponse,
        responses=refusals,
        openapi_extra=_body_of(HookRequest),
    )
    async def triage(request: Request) -> Response:
        """Advise on one visit. The event is on disk before the answer goes out."""
        running = _running(request)
        site = running.site(request)
        require_json(request.headers.get("content-type"))
        await running.authorise(request, site, request.url.path)
        return Response(await running.triage.call(site, await request.body()), media_type="application/json")

    @app.post(
        f"{prefix}/cds-services/{SERVICE_ID}/feedback",
        tags=["CDS Hooks"],
        operation_id=f"feedback_{name}",
        responses=refusals,
        openapi_extra=_body_of(FeedbackRequest),
    )
    async def feedback(request: Request) -> dict[str, int]:
        """Take what became of cards."""
        running = _running(request)
        site = running.site(request)
        require_json(request.headers.get("content-type"))
        await running.authorise(request, site, request.url.path.removesuffix("/feedback"))
        return {"stored": await running.triage.feedback(site, await request.body())}


def _add_board(app: FastAPI) -> None:
    @app.get(
        "/board/{site}/{unit}", tags=["Board"], response_class=HTMLResponse, responses=problem_responses(404, 422, 503)
    )
    async def board_for_people(request: Request, site: SiteName, unit: UnitName) -> HTMLResponse:
        """The huddle board as a page."""
        running = _running(request)
        board = await _board(running, running.site(request), unit)
        return HTMLResponse(board_page(board, running.config.sites[site]))

    @app.get("/api/v1/board/{site}/{unit}", tags=["Board"], responses=problem_responses(404, 422, 503))
    async def board(request: Request, site: SiteName, unit: UnitName) -> Board:  # noqa: ARG001 - site is checked by its pattern
        """The huddle board as data."""
        running = _running(request)
        return await _board(running, running.site(request), unit)

    @app.get("/api/v1/status", tags=["Board"])
    async def status(request: Request) -> Status:
        """What every site serves now."""
        running = _running(request)
        return Status(
            environment=running.config.environment,
            is_authenticated=running.clients is not None,
            releases=[await _status(running, site) for site in running.watch.sites()],
        )


async def _board(running: _Running, site: str, unit: str) -> Board:
    state = await running.triage.state(site)
    if isinstance(state, Live):
        units = state.release.manifest.scope.units
        if units and unit not in units:
            raise Problem(
                HTTPStatus.NOT_FOUND, "unknown-unit", "The site's release does not serve a unit of that name."
            )
    now = running.config.clock()
    try:
        counts = await anyio.to_thread.run_sync(running.store.board, TRIAGE, site, unit, now - WINDOW)
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The event store cannot be read ({type(error).__name__}).") from error
    return board_of(TRIAGE, site, unit, state, counts, now)


async def _status(running: _Running, site: str) -> SiteStatus:
    if site not in running.config.sites:
        state: SiteState = Idle(RELEASE_REFUSED, "the site has a pointer, but this service does not know it")
    else:
        state = await running.triage.state(site)
    live = state if isinstance(state, Live) else None
    pointer = state.pointer
    return SiteStatus(
        use_case=TRIAGE,
        site=site,
        stage=live.stage.value if live is not None else "off",
        tier=live.tier.value if live is not None else None,
        tier_reason=live.tier_reason if live is not None else None,
        release=live.release.digest if live is not None else None,
        model_version=live.release.manifest.model.version if live is not None else None,
        generation=pointer.generation if pointer is not None else None,
        is_ready=not (isinstance(state, Idle) and state.status == RELEASE_REFUSED),
        reason=state.reason if isinstance(state, Idle) else None,
    )


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", tags=["Health"])
    def healthz() -> Health:
        """Alive: the process answers."""
        return Health(status="alive")

    @app.get("/readyz", tags=["Health"], responses=problem_responses(503))
    async def readyz(request: Request) -> Health:
        """Ready: every site that has or had a pointer can be verified, and the event store can write."""
        running = _running(request)
        found = [await _status(running, site) for site in running.watch.sites()]
        refused = [f"{site.site}: {site.reason}" for site in found if not site.is_ready]
        if refused:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", " ".join(refused))
        await running.store.check()
        return Health(status="ready")

    @app.get("/metrics", tags=["Health"], response_class=Response)
    async def metrics(request: Request) -> Response:
        """Meters in Prometheus' text format."""
        running = _running(request)
        for site in [await _status(running, site) for site in running.watch.sites()]:
            running.meters.ready.labels(site.use_case, site.site).set(site.is_ready)
            running.meters.generation.labels(site.use_case, site.site).set(site.generation or 0)
        return Response(running.meters.text(), media_type=PROMETHEUS_TEXT)
