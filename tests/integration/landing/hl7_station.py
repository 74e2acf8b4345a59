"""A station that lands HL7 v2 for one site, run by the tests in a process of its own so that it can be killed.

`python hl7_station.py HOME` listens on a free port, prints it, and lands until it is stopped.
"""

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from orchestration.feeds import Receipt, land
from orchestration.feeds.mllp import Inbox, ListenLimits, listen, rejects_of
from orchestration.feeds.vault import Vault

KEY, SITE = b"k" * 32, "city"


def land_messages(home: Path, *paths: Path) -> list[Receipt]:
    """Land message files for the site."""
    return land(paths, site=SITE, feed="hl7v2", home=home, key=KEY, arrived_at=datetime.now(UTC))


def inbox(home: Path) -> Inbox:
    """Return the site's inbox."""
    return Inbox(home / "inbox", lambda path: rejects_of(home, SITE, land_messages(home, path)), Vault.of(home))


async def station(home: Path) -> None:
    box = inbox(home)
    box.recover()
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await listen("127.0.0.1", 0, box.receive, limits=ListenLimits(), listening=lambda port: print(port, flush=True))


if __name__ == "__main__":
    try:
        asyncio.run(station(Path(sys.argv[1])))
    except asyncio.CancelledError:
        print("stopped", flush=True)
