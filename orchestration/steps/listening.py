"""`listen`: HL7 v2 messages of one site taken over MLLP, kept and judged, then acknowledged, and landed in groups.

What does not belong here: sockets and acknowledgements (orchestration/feeds/mllp).
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from orchestration.feeds import FeedStopped, LandingBusy, Limits, land, message_verdicts
from orchestration.feeds.mllp import Grouping, Inbox, listen
from orchestration.feeds.vault import Vault
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.landing import SiteTerms, site_terms
from orchestration.steps.records import now

FEED = "hl7v2"
ANSWERED = Limits(drift_from=sys.maxsize)  # each message had its answer: none is held back for the sake of others
PATIENCE_SECONDS, BETWEEN_SECONDS = 45.0, 0.25


def run_listener(settings: Settings, site: str, host: str, port: int, progress: Callable[[str], None]) -> Answer:
    """Listen until interrupted; what an earlier listener left in the inbox is landed first."""
    terms = site_terms(settings, site)
    folder = settings.home / "inbox" / terms["site"]
    with message_verdicts(FEED, **terms) as verdicts:
        box = Inbox(folder, lambda content: verdicts.of(content, now()), _lander(terms), Vault.of(settings.home))
        recovered = box.recover()
        if recovered:
            progress(f"listen    {site}: landed {recovered} batches that an earlier listener left")
        with Grouping(box):
            asyncio.run(_until_stopped(box, host, port, lambda at: progress(f"listen    {site}: MLLP at {host}:{at}")))
    return Answer({"stopped": True, "site": site, "recovered": recovered})


async def _until_stopped(box: Inbox, host: str, port: int, listening: Callable[[int], None]) -> None:
    task = asyncio.ensure_future(listen(host, port, box.receive, listening=listening))
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _lander(terms: SiteTerms) -> Callable[[Path], None]:
    def land_group(path: Path) -> None:
        with contextlib.suppress(FeedStopped):  # every receipt is written all the same
            _land_in_turn(path, terms)

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
