"""The HTTP service: CDS Hooks 2.0, the huddle board, health and metrics.

Here belong addresses and their answers. `create_app` reads nothing from the environment and starts nothing:
the event store opens when the server does.

Every site is served under `/sites/<site>/cds-services`. At the root, `/cds-services` is the site of
`ServingConfig.default_site`, or of the home's only pointer; with several and no default it answers 404 and
says so. Where nothing was promoted, discovery at the root lists no services.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from ml.serving import Problem
from ml.serving.board.routes import add_board
from ml.serving.clients import CLIENTS_FILE, configured, load_clients
from ml.serving.config import ServingConfig
from ml.serving.headers import HeadAsGet, SecurityHeaders
from ml.serving.hooks import TRIAGE, Discovery, FeedbackRequest, HookResponse
from ml.serving.limits import BodyLimit, require_json
from ml.serving.live import Live, SiteState
from ml.serving.metrics import CountResponses, Meters
from ml.serving.ops.routes import add_operations
from ml.serving.problems import add_problem_handlers, problem_responses
from ml.serving.reports import add_reports
from ml.serving.running import Running, running_of
from ml.serving.services import OFFERED, HookService
from ml.serving.status import add_status
from ml.serving.watching import watching

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]  # HEAD is answered as GET
LOG = logging.getLogger("pilothouse.serving")


def create_app(config: ServingConfig, when_ready: Callable[[], object] = lambda: None) -> FastAPI:
    """Build the service; `when_ready` is called when every release was opened, before the first call.

    Raises `ServingRefused` when it must not start as it is configured.
    """
    clients = load_clients(config.home, config.connect)
    config = configured(config, clients)
    if clients is None:
        LOG.warning("Clients are not authenticated: there is no %s (environment %s).", CLIENTS_FILE, config.environment)
    meters = Meters()
    app = FastAPI(
        title="Pilothouse",
        version="1",
        summary="CDS Hooks 2.0 triage advice from verified releases, and the huddle board.",
        lifespan=lambda app: _lifespan(app, Running(config, meters, clients), when_ready),
        docs_url=None,
        redoc_url=None,
    )
    add_problem_handlers(app)
    _add_hooks(app, "/sites/{site}", "site")
    _add_hooks(app, "", "root")
    add_board(app)
    add_operations(app)
    add_status(app)
    if config.reports is not None:
        add_reports(app, config.reports)
    app.add_middleware(BodyLimit, limit_bytes=config.body_limit_bytes, timeout_seconds=config.body_timeout_seconds)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(config.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["WWW-Authenticate", "Retry-After"],
        )
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders, is_https=config.base_url.startswith("https:"))
    app.add_middleware(CountResponses, meters=meters)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI, running: Running, when_ready: Callable[[], object]) -> AsyncGenerator[None]:
    app.state.running = running
    try:
        async with AsyncExitStack() as stack:
            for use_case, advice in running.hooks.items():
                sites = partial(running.served_sites, use_case)
                for site in sites():
                    _log_state(use_case, site, await advice.state(site))
                await stack.enter_async_context(watching(sites, advice.tend))
                await stack.enter_async_context(watching(sites, advice.challengers.look))
            when_ready()
            yield
    finally:
        await running.close()


def _log_state(use_case: str, site: str, state: SiteState) -> None:
    if isinstance(state, Live):
        said = (use_case, site, state.release.digest[:12], state.stage, state.tier)
        LOG.info("%s at %s: release %s, stage %s, tier %s", *said)
    else:
        LOG.warning("%s at %s: %s: %s", use_case, site, state.status, state.reason)


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


class _Described(APIRoute):
    """A route that FastAPI describes and matches, and whose endpoint takes the request and answers by itself.

    There is nothing for the framework to read from the request, nor to make of the answer.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself (FastAPI, "Custom Request and APIRoute class")."""
        return self.endpoint


def _add_hooks(app: FastAPI, prefix: str, name: str) -> None:
    @app.get(
        f"{prefix}/cds-services", tags=["CDS Hooks"], operation_id=f"discover_{name}", responses=problem_responses(404)
    )
    def discover(request: Request) -> Discovery:
        """List the services (CDS Hooks 2.0, discovery): triage's, and whatever else was ever released at the site."""
        running = running_of(request)
        if not prefix and running.has_no_site:
            return Discovery(services=[])
        site = running.site(request)
        found = [one for one in OFFERED if one.use_case == TRIAGE or site in running.served_sites(one.use_case)]
        return Discovery(services=[one.description for one in found])

    for service in OFFERED:
        _add_service(app, prefix, name, service)

    @app.api_route(f"{prefix}/cds-services/{{service}}", methods=METHODS, include_in_schema=False)
    @app.api_route(f"{prefix}/cds-services/{{service}}/feedback", methods=METHODS, include_in_schema=False)
    def unknown_service(request: Request) -> None:
        """Say where the services that there are can be found, or that they are called with POST."""
        running_of(request).site(request)
        if request.path_params["service"] in (one.id for one in OFFERED):
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
        detail = f"There is no service of that name; GET {prefix}/cds-services lists those that there are."
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-service", detail.replace("{site}", "<site>"))


def _add_service(app: FastAPI, prefix: str, name: str, service: HookService) -> None:
    refusals = problem_responses(400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 429, 503)

    async def advise(request: Request) -> Response:
        """Advise on one case. The event is on disk before the answer goes out."""
        running = running_of(request)
        site = running.site(request)
        require_json(request.headers.get("content-type"))
        answering = running.answering[service.id]
        reading = answering.reading(await request.body())
        share = "" if service.is_scoring else f" {service.id}"
        async with running.authorised(
            request, site, request.url.path, partial(answering.read_ahead, site, reading), share
        ) as caller:
            reads = running.reads(caller.client) if service.description.prefetch else None
            if reads is not None:
                await running.spend(caller)  # nobody's FHIR server is asked for a token that was spent before
            answer = await answering.call(site, reading, caller, reads)
        if service.is_scoring:
            running.pages.forget(site)
        return Response(answer, media_type="application/json")

    app.router.add_api_route(
        f"{prefix}/cds-services/{service.id}",
        advise,
        methods=["POST"],
        tags=["CDS Hooks"],
        operation_id=f"{service.name}_{name}",
        response_model=HookResponse,
        responses=refusals,
        openapi_extra=_body_of(service.request),
        route_class_override=_Described,
    )

    @app.post(
        f"{prefix}/cds-services/{service.id}/feedback",
        tags=["CDS Hooks"],
        operation_id=f"{service.name}_feedback_{name}",
        responses=refusals,
        openapi_extra=_body_of(FeedbackRequest),
    )
    async def feedback(request: Request) -> dict[str, int]:
        """Take what became of cards."""
        running = running_of(request)
        site = running.site(request)
        require_json(request.headers.get("content-type"))
        async with running.authorised(request, site, request.url.path.removesuffix("/feedback")) as caller:
            await running.spend(caller)
            return {"stored": await running.answering[service.id].feedback(site, await request.body())}
