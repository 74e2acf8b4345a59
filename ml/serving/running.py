"""What a running service holds: the event store, a watch over the releases of every use case, the clients it trusts.

Here belongs finding the site that an address speaks of, and who may speak for it. What is answered does not.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Protocol

import httpx
from fastapi import Request

from ml.features.request import RequestRefused
from ml.serving import Problem, StoreUnavailable
from ml.serving.beside import Beside
from ml.serving.board.cache import PageCache
from ml.serving.callers import Caller, TokensAtHand
from ml.serving.charts import OpenedCharts
from ml.serving.clients import Clients, TrustedClient
from ml.serving.config import ServingConfig, utc_now
from ml.serving.events import EventStore, Spend
from ml.serving.fetching import FhirReads
from ml.serving.hooks import TRIAGE
from ml.serving.live import Live, ScorerOpener
from ml.serving.metrics import Meters
from ml.serving.plans import Planning, PlanOpener
from ml.serving.rates import Rates
from ml.serving.reading import Reading
from ml.serving.releases import ReleaseWatch
from ml.serving.service import TOO_LATE_KIND, HookAdvice
from ml.serving.services import SERVICES, TRIAGE_CHART
from ml.serving.tokens import REPLAYED, TokenRefused, begin_check, unauthorised
from ml.serving.trusting import Trust


class Answering(Protocol):
    """How the calls of one service are answered, and what became of its cards is taken."""

    def reading(self, body: bytes) -> Reading[Any]:
        """A call that came, of which nothing is read yet."""
        ...

    def read_ahead(self, site: str, reading: Reading[Any]) -> None:
        """Read what a call says, while its token is checked. Raises nothing."""
        ...

    async def call(self, site: str, reading: Reading[Any], caller: Caller, reads: FhirReads | None) -> bytes:
        """The answer to one call, which is on disk before it goes out. Raises `Problem` and the like."""
        ...

    async def feedback(self, site: str, body: bytes) -> int:
        """Store feedback; how many items it was. Raises `Problem`."""
        ...


class Running:
    """One service over one home."""

    def __init__(self, config: ServingConfig, meters: Meters, clients: Clients | None) -> None:
        steady = config.steady_clock
        config = replace(config, clock=steady.now) if config.clock is utc_now else config
        self.config = config
        self.meters = meters
        self.trust = Trust(config, clients, meters)
        self.web: httpx.AsyncClient | None = None
        self.rates = Rates(config.calls_per_second)
        self._at_hand = TokensAtHand()
        self._checks = Beside("tokens")
        self.store = EventStore(config.event_store_url, config.store_timeout_seconds)
        self.openers = {use_case: ScorerOpener(config, use_case) for use_case in SERVICES}
        self.watches: dict[str, ReleaseWatch[Live]] = {
            use_case: ReleaseWatch(config, self.store, use_case, opener) for use_case, opener in self.openers.items()
        }
        self.hooks = {
            use_case: HookAdvice(config, self.store, self.watches[use_case], meters, service)
            for use_case, service in SERVICES.items()
        }
        self.answering: dict[str, Answering] = {
            **{service.id: self.hooks[use_case] for use_case, service in SERVICES.items()},
            TRIAGE_CHART.id: OpenedCharts(config, self.store, self.triage, meters, TRIAGE_CHART),
        }
        self.pages = PageCache(time.monotonic, lambda: config.clock().timestamp())
        self.plans: dict[str, ReleaseWatch[Planning]] = {
            use_case: ReleaseWatch(config, self.store, use_case, PlanOpener(config, use_case))
            for use_case in config.planned
        }

    def reads(self, client: TrustedClient | None) -> FhirReads | None:
        """Where a client's calls may be completed from; None for a client that lists no FHIR server."""
        if client is None or not client.fhir_servers:
            return None
        self.web = self.web or self.config.connect()
        return FhirReads(client.fhir_servers, self.web, self.meters)

    async def close(self) -> None:
        """Write what waits, and let go of the database and of connections."""
        for advice in self.hooks.values():
            await advice.challengers.close()
        self.store.close()
        self._checks.close()
        for opener in self.openers.values():
            opener.close()
        if self.web is not None:
            await self.web.aclose()

    @property
    def watch(self) -> ReleaseWatch[Live]:
        """The releases of triage, which boards are about."""
        return self.watches[TRIAGE]

    @property
    def triage(self) -> HookAdvice:
        """The triage service."""
        return self.hooks[TRIAGE]

    def served_sites(self, use_case: str = TRIAGE) -> list[str]:
        """The sites that have, or had, a pointer of the use case and that this service knows."""
        return [site for site in self.watches[use_case].sites() if site in self.config.sites]

    def site(self, request: Request) -> str:
        """The site that an address speaks of. Raises `Problem` 404."""
        named = request.path_params.get("site")
        if named is not None:
            if named not in self.config.sites:
                raise Problem(
                    HTTPStatus.NOT_FOUND, "unknown-site", "There is no site of that name; see /api/v1/status."
                )
            return named
        pointed = self._pointed()
        default = self.config.default_site or (pointed[0] if len(pointed) == 1 else None)
        if default is None or default not in self.config.sites:
            nothing = "No release has been promoted at any site that this service answers for; see /api/v1/status."
            several = f"{len(pointed)} sites have a release here; call /sites/<site>/cds-services for one of them."
            raise Problem(HTTPStatus.NOT_FOUND, "site-not-named", several if pointed else nothing)
        return default

    @property
    def has_no_site(self) -> bool:
        """Whether the root speaks of no site: nothing was promoted at any, and none is the default."""
        return not self._pointed() and self.config.default_site is None

    def _pointed(self) -> list[str]:
        return sorted({site for use_case in self.watches for site in self.served_sites(use_case)})

    @asynccontextmanager
    async def authorised(
        self,
        request: Request,
        site: str,
        service_path: str,
        meanwhile: Callable[[], object] | None = None,
        share: str = "",
    ) -> AsyncGenerator[Caller]:
        """Verify the client's token and take one call of its rate; the call in the block spends it, or its end does.

        `meanwhile` is done while the signature is checked, for a client that is listed: what it learns may be used, or
        told, in the block only. Calls of another `share` have the client's rate once more: charts are opened all over a
        hospital, and hold up no triage. Where clients are authenticated, an address pays for refused tokens alone:
        behind a proxy, others share it.

        Raises `Problem`. A call that is too late, or on which the service fails, does not wait for its token: it stays
        at hand until it expires.
        """
        held: Spend | None = None
        try:
            caller = await self._caller(request, site, service_path, meanwhile, share)
            held = caller.spend
            try:
                yield caller
            except (Problem, RequestRefused) as refused:
                if getattr(refused, "kind", None) != TOO_LATE_KIND:
                    await self.spend(caller)
                raise
            await self.spend(caller)
        except StoreUnavailable:
            if held is not None:
                self._at_hand.give_back(held)
            raise
        except TokenRefused as refused:
            self.rates.take(_address(request))
            self.meters.refused_tokens.labels(refused.check).inc()
            raise unauthorised(refused) from refused

    async def spend(self, caller: Caller) -> None:
        """Spend the caller's token now, if it is not spent yet. Raises `TokenRefused` where it was spent before."""
        spend, caller.spend = caller.spend, None
        if spend is not None and not await self.store.spend_token(spend):
            raise TokenRefused(REPLAYED, spend.issuer)

    async def _caller(
        self, request: Request, site: str, service_path: str, meanwhile: Callable[[], object] | None, share: str
    ) -> Caller:
        await self.trust.look()
        clients, steady = self.trust.clients, self.config.steady_clock
        if clients is None:
            self.rates.take(_address(request))
            return Caller()
        base = self.config.base_url.rstrip("/")
        audiences = sorted({base + service_path, base + request.url.path})
        checking = await begin_check(clients, request.headers.get("authorization"), self._checks)
        if meanwhile is not None:
            meanwhile()
        token = await checking.token(audiences, steady.seconds)
        if token.client.sites is not None and site not in token.client.sites:
            raise Problem(HTTPStatus.FORBIDDEN, "site-not-allowed", "This client is not trusted for this site.")
        self.rates.take(f"issuer {token.issuer}{share}", token.client.calls_per_second)
        self._at_hand.take(token, steady.seconds())
        return Caller(token.client, Spend(token.issuer, token.jti, token.expires_at, steady.now()))


def _address(request: Request) -> str:
    """The caller's address; of IPv6 the network, in which one caller has more addresses than can be counted."""
    host = "" if request.client is None else request.client.host
    return "address " + (":".join(host.split(":")[:4]) if ":" in host else host)


def running_of(request: Request) -> Running:
    """What the service that took `request` holds."""
    return request.app.state.running
