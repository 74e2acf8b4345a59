"""A station that lands HL7 v2 for one site, run by the tests in a process of its own so that it can be killed.

`python hl7_station.py HOME` listens on a free port, prints it, and lands often until it is stopped; with a second
argument it lands at the product's own pace.
"""

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from orchestration.feeds import Receipt, land, message_verdicts
from orchestration.feeds.mllp import Grouping, Inbox, ListenLimits, Pace, listen
from orchestration.feeds.vault import Vault

KEY, SITE, FEED = b"k" * 32, "city", "hl7v2"
OFTEN = Pace(pause=0.05, between=0.1, messages=100)


def land_messages(home: Path, *paths: Path) -> list[Receipt]:
    """Land message files for the site."""
    return land(paths, site=SITE, feed=FEED, home=home, key=KEY, arrived_at=datetime.now(UTC))


def _landed(home: Path, path: Path) -> None:
    land_messages(home, path)


async def station(box: Inbox) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    limits = ListenLimits(of_one_address=64)  # one address plays all senders
    await listen("127.0.0.1", 0, box.receive, limits=limits, listening=lambda port: print(port, flush=True))


def main(home: Path, pace: Pace = OFTEN) -> None:
    """Land what was left, and listen until stopped."""
    with message_verdicts(FEED, site=SITE, home=home, key=KEY) as verdicts:
        box = Inbox(
            home / "inbox",
            lambda content: verdicts.of(content, datetime.now(UTC)),
            lambda path: _landed(home, path),
            Vault.of(home),
        )
        box.recover()
        with Grouping(box, pace):
            try:
                asyncio.run(station(box))
            except asyncio.CancelledError:
                print("stopped", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Pace() if len(sys.argv) > 2 else OFTEN)
