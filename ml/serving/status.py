"""What every use case serves at every site, and whether the service is healthy.

Here belong these answers. What a state is (`releases.py`) and meters (`metrics.py`) do not.
"""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from ml.registry.manifest import Nowhere
from ml.registry.stages import Tier
from ml.serving import Problem
from ml.serving.advice import RELEASE_REFUSED
from ml.serving.live import Live
from ml.serving.notices import glass_of
from ml.serving.plans import Planning
from ml.serving.problems import problem_responses
from ml.serving.releases import Idle
from ml.serving.running import Running, running_of

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class SiteStatus(BaseModel):
    """What one site serves of one use case."""

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
    break_glass: str | None = None


class Status(BaseModel):
    """What the service serves."""

    environment: str
    is_authenticated: bool
    clients_problem: str | None = None
    releases: list[SiteStatus]


class Lower(BaseModel):
    """A use case that answers from a lower tier than its model at a site, and why."""

    use_case: str
    site: str
    tier: str
    reason: str | None


class Silent(BaseModel):
    """A use case that the site's file lets speak nowhere, and why."""

    use_case: str
    site: str
    reason: str


class Health(BaseModel):
    """Alive, or ready; `stepped_down` says where something else than the model answers. Only a person steps up.
    `silent` says where nothing is said at all, by the site's file."""

    status: str
    stepped_down: list[Lower] = []
    silent: list[Silent] = []


def add_status(app: FastAPI) -> None:
    """Add the addresses of status and health."""

    @app.get("/api/v1/status", tags=["Board"])
    async def status(request: Request) -> Status:
        """What every site serves now."""
        running = running_of(request)
        await running.trust.look()
        return Status(
            environment=running.config.environment,
            is_authenticated=running.trust.clients is not None,
            clients_problem=running.trust.problem,
            releases=await statuses(running),
        )

    @app.get("/healthz", tags=["Health"], response_model_exclude_defaults=True)
    def healthz() -> Health:
        """Alive: the process answers."""
        return Health(status="alive")

    @app.get("/readyz", tags=["Health"], responses=problem_responses(503), response_model_exclude_defaults=True)
    async def readyz(request: Request) -> Health:
        """Ready: every site that has or had a pointer can be verified, and the event store can write."""
        running = running_of(request)
        found = await statuses(running)
        refused = [f"{one.site}: {one.reason}" for one in found if not one.is_ready]
        if refused:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", " ".join(refused))
        await running.store.check()
        lower = [
            Lower(use_case=one.use_case, site=one.site, tier=one.tier, reason=one.tier_reason)
            for one in found
            if one.tier not in (None, Tier.MODEL.value)
        ]
        return Health(status="ready", stepped_down=lower, silent=_silent(running, found))

    @app.get("/metrics", tags=["Health"], response_class=Response)
    async def metrics(request: Request) -> Response:
        """Meters in Prometheus' text format."""
        running = running_of(request)
        await running.trust.look()
        for site in await statuses(running):
            running.meters.ready.labels(site.use_case, site.site).set(site.is_ready)
            running.meters.generation.labels(site.use_case, site.site).set(site.generation or 0)
            for tier in Tier:
                running.meters.tier.labels(site.use_case, site.site, tier.value).set(site.tier == tier.value)
        _measure_models(running)
        return Response(running.meters.text(), media_type=PROMETHEUS_TEXT)


def _silent(running: Running, found: list[SiteStatus]) -> list[Silent]:
    known = [one for one in found if one.site in running.config.sites]
    said = [(one, running.config.sites[one.site].launch_of(one.use_case)) for one in known]
    return [
        Silent(use_case=one.use_case, site=one.site, reason=launch.why)
        for one, launch in said
        if isinstance(launch, Nowhere)
    ]


async def statuses(running: Running) -> list[SiteStatus]:
    """The status of every use case at every site that has, or had, a pointer of it."""
    found = [
        _status(use_case, site, await _scorer(running, use_case, site))
        for use_case, watch in running.watches.items()
        for site in watch.sites()
    ]
    for use_case, watch in running.plans.items():
        for site in watch.sites():
            known = site in running.config.sites
            found.append(_status(use_case, site, await watch.state(site) if known else _unknown()))
    return found


def _measure_models(running: Running) -> None:
    for use_case, opener in running.openers.items():
        running.meters.hanging.labels(use_case).set(opener.given_up())
        for site, tier, asked in opener.models():
            running.meters.silent.labels(use_case, site, tier.value).set(asked.silent_seconds)


async def _scorer(running: Running, use_case: str, site: str) -> Idle | Live:
    return await running.hooks[use_case].state(site) if site in running.config.sites else _unknown()


def _unknown() -> Idle:
    return Idle(RELEASE_REFUSED, "the site has a pointer, but this service does not know it")


def _status(use_case: str, site: str, state: Idle | Live | Planning) -> SiteStatus:
    live = None if isinstance(state, Idle) else state
    pointer = state.pointer
    return SiteStatus(
        use_case=use_case,
        site=site,
        stage=live.stage.value if live is not None else "off",
        tier=live.tier.value if live is not None else None,
        tier_reason=live.tier_reason if live is not None else None,
        release=live.release.digest if live is not None else None,
        model_version=live.release.manifest.model.version if live is not None else None,
        generation=pointer.generation if pointer is not None else None,
        is_ready=not (isinstance(state, Idle) and state.status == RELEASE_REFUSED),
        reason=state.reason if isinstance(state, Idle) else None,
        break_glass=glass_of(live),
    )
