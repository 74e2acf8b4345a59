"""What the service is started with. Built by the command line; the service reads no environment itself.

What does not belong here: anything of a release, which is signed and may change while the service runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ml.registry.manifest import EVERYWHERE, Launch
from ml.serving import ServingRefused
from ml.serving.clocks import SteadyClock
from ml.serving.hours import Hours, WorkingShift
from ml.serving.outbound import Connect, connect

DEVELOPMENT = "development"
PSEUDONYM_KEY_BYTES = 32


def utc_now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SiteContext:
    """What serving must know of a site: its IANA time zone, its pseudonym key (32 bytes), and its names for people.

    `units` maps the codes of its units to their names; empty where they are not known. `launch` is, by use case, where
    the site's file lets it speak now, read whenever it is asked: a release speaks there and in its own scope only
    (decision 0047). Without
    `shifts`, a release that is limited to some speaks in none. Without a key here, that in
    `<home>/keys/<site>.pseudonym.v1.key` is read.
    """

    timezone: str
    pseudonym_key: bytes | None = field(default=None, repr=False)
    name: str = ""
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    launch: Mapping[str, Launch] = field(default_factory=dict[str, Launch])
    shifts: tuple[WorkingShift, ...] = ()

    def launch_of(self, use_case: str) -> Launch:
        """Where the site's file lets a use case speak; anywhere, where nothing is said of it."""
        return self.launch.get(use_case, EVERYWHERE)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def hours(self) -> Hours:
        return Hours(self.zone, self.shifts)


@dataclass(frozen=True)
class ServingConfig:
    """One service over one home. `base_url` is how clients reach it: a token's audience is built on it.

    `reports` is a folder of pages to show under `/reports/`; without one, none are shown. `planned` are the use cases
    that publish plans, `titles` their names for people. `people_header` names the header in which a proxy that signs
    people in says who they are; whoever can reach the service past that proxy can forge it. `note` is a sentence that
    every page shows. `calls_per_second` bounds one client; None bounds none. `connect` is how the service reaches out.

    A call is answered within `answer_within_seconds`, with a problem document where there is nothing better. A model is
    waited for `load_within_seconds`; after that the tier below answers until it is there. One that was not loaded in
    `load_given_up_seconds`, fails `failures_to_step_down` calls in a row, or is silent for
    `silent_seconds_to_step_down` is stepped down from. `steady_clock` is the world's time without its jumps.
    """

    home: Path
    sites: Mapping[str, SiteContext]
    environment: str = DEVELOPMENT
    events_url: str | None = None
    base_url: str = "http://127.0.0.1:8088"
    default_site: str | None = None
    reports: Path | None = None
    clock: Callable[[], datetime] = utc_now
    body_limit_bytes: int = 1024 * 1024
    body_timeout_seconds: float = 10.0
    store_timeout_seconds: float = 5.0
    failures_to_step_down: int = 5
    silent_seconds_to_step_down: float = 10.0
    load_within_seconds: float = 5.0
    load_given_up_seconds: float = 120.0
    answer_within_seconds: float = 8.0
    steady_clock: SteadyClock = field(default_factory=SteadyClock, repr=False)
    cors_origins: tuple[str, ...] = ()
    calls_per_second: float | None = None
    connect: Connect = connect
    planned: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict[str, str])
    people_header: str | None = None
    note: str = ""

    @property
    def event_store_url(self) -> str:
        return self.events_url or f"sqlite:///{self.home / 'events.db'}"

    def pseudonym_key(self, site: str) -> bytes:
        """The site's pseudonym key. Raises `ServingRefused` when there is none that can be trusted."""
        key = self.sites[site].pseudonym_key
        if key is None:
            path = self.home / "keys" / f"{site}.pseudonym.v1.key"
            try:
                key = path.read_bytes()
            except OSError as error:
                raise ServingRefused(
                    f"The pseudonym key of {site} cannot be read ({error.strerror}); land one of its "
                    "feeds first, or "
                    "restore keys/ from the backup."
                ) from error
        if len(key) != PSEUDONYM_KEY_BYTES:
            raise ServingRefused(f"The pseudonym key of {site} has {len(key)} bytes, expected {PSEUDONYM_KEY_BYTES}.")
        return key
