"""The list of clients as it is now: `clients.json` is read again when it changes, without a restart.

Here belongs when it is read, and that a file which cannot be trusted changes nothing and is told of. What the file
says, and what is refused of it, is `clients.py`. The address of the service, origins and the common rate are what the
service was started with: they change with a restart, and that is said.
"""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Callable

from ml.serving import ServingRefused
from ml.serving.clients import CLIENTS_FILE, MAX_FILE_BYTES, Clients, configured, load_clients
from ml.serving.config import ServingConfig
from ml.serving.metrics import Meters

LOG = logging.getLogger("pilothouse.serving")
LOOK_EVERY_SECONDS = 1.0
RETRY_EVERY_SECONDS = 5.0
"""A file that was refused is read again though it did not change: what it names beside it may have come."""
AT_THE_START = ("base_url", "cors_origins", "calls_per_second")


class Trust:
    """Whom the service trusts now. `problem` says why the file that lies there is not the one that is used."""

    def __init__(
        self,
        config: ServingConfig,
        clients: Clients | None,
        meters: Meters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._meters, self._clock = config, meters, clock
        self._path = config.home / CLIENTS_FILE
        self.clients, self._started_with = clients, clients
        self.problem: str | None = None
        self._print, self._digest = self._stat(), self._read()
        self._looked_at = clock()

    async def look(self) -> None:
        """Read the file again if it changed; at most once a second, and nobody waits for another's look."""
        now = self._clock()
        if now - self._looked_at < (LOOK_EVERY_SECONDS if self.problem is None else RETRY_EVERY_SECONDS):
            return
        self._looked_at = now
        found = self._stat()
        if found != self._print or self.problem is not None:
            self._print = found
            await asyncio.to_thread(self._take)

    def _take(self) -> None:
        digest = self._read()
        if digest == self._digest and self.problem is None:
            return
        try:
            clients = load_clients(self._config.home, self._config.connect)
            if clients is None and self.clients is not None:
                raise ServingRefused(f"{CLIENTS_FILE} is gone.")
            configured(self._config, clients)
        except ServingRefused as error:
            self._refuse(str(error))
            return
        self.clients, self.problem, self._digest = clients, None, digest
        self._meters.clients_refused.set(0)
        LOG.warning("%s was read again: %s", CLIENTS_FILE, self._said(clients))

    def _refuse(self, why: str) -> None:
        """Keep the list that was read before, and say so, in the log once for every reason."""
        said = f"{why} The list from before is still used; mend the file, or restart to have it judged at the start."
        if said != self.problem:
            LOG.error("%s", said)
        self.problem = said
        self._meters.clients_refused.set(1)

    def _said(self, clients: Clients | None) -> str:
        listed = sorted(clients.by_issuer) if clients else []
        changed = [one for one in AT_THE_START if getattr(clients, one, None) != getattr(self._started_with, one, None)]
        later = f"; {', '.join(changed)} changed: restart for that" if changed else ""
        return f"{len(listed)} clients are trusted ({', '.join(listed)[:500]}){later}."

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - the time of a call
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> str | None:
        try:
            with self._path.open("rb") as stream:
                return hashlib.sha256(stream.read(MAX_FILE_BYTES + 1)).hexdigest()
        except OSError:
            return None
