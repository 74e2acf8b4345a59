"""What Prometheus reads: calls, cards, feedback, latency, and whether each site is served.

Here belong the meters, in a registry of their own. Judging them (SLOs, drift) belongs to another room.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LATENCY_BOUNDS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Meters:
    """The meters of one service.

    Labels are bounded: sites, stages, tiers and words of ours, never of a caller.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of_site = ["use_case", "site"]
        self.calls = Counter(
            "pilothouse_calls",
            "CDS Hooks calls answered, by what they came to.",
            [*of_site, "stage", "tier", "status"],
            registry=self.registry,
        )
        self.replays = Counter(
            "pilothouse_replayed_calls", "Calls answered from the store.", of_site, registry=self.registry
        )
        self.cards = Counter("pilothouse_cards_displayed", "Cards that went out.", of_site, registry=self.registry)
        self.feedback = Counter(
            "pilothouse_feedback", "Feedback on cards.", [*of_site, "outcome"], registry=self.registry
        )
        self.challengers = Counter(
            "pilothouse_challenger_calls",
            "Calls that a challenger was given after their answer, by what they came to.",
            [*of_site, "outcome"],
            registry=self.registry,
        )
        self.charts = Counter(
            "pilothouse_charts_opened",
            "Charts that were opened, by whether triage's card was shown again, or why not.",
            [*of_site, "outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "pilothouse_call_seconds",
            "From the call to its answer, with the commit of its event.",
            of_site,
            buckets=LATENCY_BOUNDS_SECONDS,
            registry=self.registry,
        )
        self.ready = Gauge("pilothouse_site_ready", "1 when the site can be answered.", of_site, registry=self.registry)
        self.generation = Gauge(
            "pilothouse_pointer_generation", "Generation of the pointer.", of_site, registry=self.registry
        )
        self.tier = Gauge(
            "pilothouse_tier",
            "1 for the tier that answers, 0 for the others.",
            [*of_site, "tier"],
            registry=self.registry,
        )
        self.step_downs = Counter(
            "pilothouse_step_downs",
            "Steps down that the service took by itself.",
            [*of_site, "to"],
            registry=self.registry,
        )
        self.silent = Gauge(
            "pilothouse_model_silent_seconds",
            "For how long a model that did not answer has not been asked.",
            [*of_site, "tier"],
            registry=self.registry,
        )
        self.hanging = Gauge(
            "pilothouse_hanging_threads", "Threads of models that hang.", ["use_case"], registry=self.registry
        )
        self._of_clients()

    def _of_clients(self) -> None:
        """Who asks, whom the service asks, and what it answered."""
        self.refused_tokens = Counter(
            "pilothouse_refused_tokens", "Tokens refused, by the check that failed.", ["check"], registry=self.registry
        )
        self.clients_refused = Gauge(
            "pilothouse_clients_refused",
            "1 while clients.json cannot be trusted and the list from before is used.",
            registry=self.registry,
        )
        self.fhir_reads = Counter(
            "pilothouse_fhir_reads", "Reads of clients' FHIR servers.", ["outcome"], registry=self.registry
        )
        self.responses = Counter(
            "pilothouse_http_responses", "HTTP responses.", ["method", "status"], registry=self.registry
        )

    def text(self) -> bytes:
        """The meters in Prometheus' text format."""
        return generate_latest(self.registry)


class CountResponses:
    """An ASGI middleware that counts every response by method and status."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the response as it starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in METHODS else "other"
                self._meters.responses.labels(method, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counted)
