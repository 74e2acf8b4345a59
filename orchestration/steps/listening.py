"""`listen`: HL7 v2 messages of one site taken over MLLP, landed, and only then acknowledged.

What does not belong here: sockets and acknowledgements (orchestration/feeds/mllp).
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orchestration.feeds import FeedStopped, LandingBusy, Receipt, land
from orchestration.feeds.mllp import Inbox, listen, rejects_of
from orchestration.feeds.vault import Vault
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import Answer
from orchestration.steps.landing import SiteTerms, site_terms
from orchestration.steps.records import now

FEED = "hl7v2"
PATIENCE_SECONDS, BETWEEN_SECONDS = 45.0, 0.25  # below the minute after which a sender gives up on its answer


def run_listener(settings: Settings, site: str, host: str, port: int, progress: Callable[[str], None]) -> Answer:
    """Listen until interrupted; what an earlier listener left in the inbox is landed first."""
    box = Inbox(settings.home / "inbox" / load_site(site).id, _lander(settings, site), Vault.of(settings.home))
    recovered = box.recover()
    if recovered:
        progress(f"listen    {site}: landed {recovered} batches that an earlier listener left")
    asyncio.run(
        _until_stopped(box, host, port, lambda at: progress(f"listen    {site}: HL7 v2 over MLLP at {host}:{at}"))
    )
    return Answer({"stopped": True, "site": site, "recovered": recovered})


async def _until_stopped(box: Inbox, host: str, port: int, listening: Callable[[int], None]) -> None:
    task = asyncio.ensure_future(listen(host, port, box.receive, listening=listening))
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _lander(settings: Settings, site: str) -> Callable[[Path], Mapping[int | None, str]]:
    terms = site_terms(settings, site)

    def land_batch(path: Path) -> Mapping[int | None, str]:
        try:
            receipts = _land_in_turn(path, terms)
        except FeedStopped as stopped:
            receipts = stopped.receipts
        return rejects_of(settings.home, site, receipts)

    return land_batch


def _land_in_turn(path: Path, terms: SiteTerms) -> Sequence[Receipt]:
    """Land a batch as soon as nobody else lands for the site. Raises `LandingBusy` when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return land([path], feed=FEED, arrived_at=now(), **terms)
        except LandingBusy:
            if time.monotonic() > deadline:
                raise
        time.sleep(BETWEEN_SECONDS)
