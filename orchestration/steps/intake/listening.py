"""`listen`: HL7 v2 messages of one site taken over MLLP, kept and judged, then acknowledged, and landed in groups.

What does not belong here: sockets and acknowledgements (orchestration/feeds/mllp).
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path

from orchestration.feeds import FeedError, FeedStopped, LandingBusy, Limits, land, message_verdicts
from orchestration.feeds.authorities import require_names, require_zone
from orchestration.feeds.errors import LandedOtherwise
from orchestration.feeds.mllp import Grouping, Inbox, ListenLimits, listen
from orchestration.feeds.vault import Vault
from orchestration.feeds.verdicts import Rejects, Verdicts
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.intake.landing import SiteTerms, site_terms
from orchestration.steps.record.records import now

FEED = "hl7v2"
ANSWERED = Limits(drift_from=sys.maxsize)  # each message had its answer: none is held back for the sake of others
RENAMED = (
    "The site's names of authorities or its time zone changed while this listener ran. The message is kept and lands "
    "once the listener was started again."
)
PATIENCE_SECONDS, BETWEEN_SECONDS = 45.0, 0.25


def run_listener(
    settings: Settings, site: str, host: str, port: int, limits: ListenLimits, progress: Callable[[str], None]
) -> Answer:
    """Listen until interrupted; what an earlier listener left in the inbox is landed first.

    The answer counts the connections that found no place, by address.
    """
    refused: Counter[str] = Counter()
    terms = site_terms(settings, site)
    with message_verdicts(FEED, **terms) as verdicts:
        box = inbox_of(settings, terms, verdicts, progress)
        recovered = box.recover()
        if recovered:
            progress(f"listen    {site}: landed {recovered} batches that an earlier listener left")
        with Grouping(box):
            begun = _listening(site, host, progress)
            talk = listen(host, port, box.receive, limits=limits, listening=begun, refused=refused)
            asyncio.run(_until_stopped(talk))
    return Answer({"stopped": True, "site": site, "recovered": recovered, "refused_connections": dict(refused)})


def _listening(site: str, host: str, progress: Callable[[str], None]) -> Callable[[int], None]:
    return lambda port: progress(f"listen    {site}: MLLP at {host}:{port}")


async def _until_stopped(talk: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(talk)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def inbox_of(settings: Settings, terms: SiteTerms, verdicts: Verdicts, progress: Callable[[str], None]) -> Inbox:
    """Return a site's inbox, judging and landing under terms as they were when the listener began.

    Where the names of authorities or the time zone changed since, every message is kept and answered with that, and
    none is landed.
    """

    def judge(content: bytes) -> Rejects:
        try:
            require_names(terms["home"], terms["site"], terms["authorities"])
            require_zone(terms["home"], terms["site"], terms["zone"])
        except LandedOtherwise:
            return {None: RENAMED}
        return verdicts.of(content, now())

    return Inbox(settings.home / "inbox" / terms["site"], judge, _lander(terms, progress), Vault.of(settings.home))


def _lander(terms: SiteTerms, progress: Callable[[str], None]) -> Callable[[Path], None]:
    def land_group(path: Path) -> None:
        try:
            _land_in_turn(path, terms)
        except FeedStopped:  # every receipt is written all the same
            return
        except FeedError as error:
            progress(f"listen    {terms['site']}: messages wait: {error}")
            raise

    return land_group


def _land_in_turn(path: Path, terms: SiteTerms) -> None:
    """Land a group as soon as nobody else lands for the site. Raises `LandingBusy` when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            land([path], feed=FEED, arrived_at=now(), limits=ANSWERED, is_waiting=True, **terms)
            return
        except LandingBusy:
            if time.monotonic() > deadline:
                raise
        time.sleep(BETWEEN_SECONDS)
