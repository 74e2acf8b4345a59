"""Reading the models of a release in a thread that can be given up, and waiting for a slow one with no call held up.

Here belongs how long a model is waited for. A busy machine reads a sound model slowly: until it is given up, the tier
below answers, and the model takes over by itself when it is there. Only a model that was given up, or whose reading
failed, is stepped down from for good. What a model is (`scoring.py`) and who answers instead (`live.py`) do not belong
here.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from ml.registry.stages import Tier
from ml.serving import ServingError
from ml.serving.asking import ModelThread
from ml.serving.scoring import Scorer

Scorers = Mapping[Tier, Scorer]


class StillRead(ServingError):
    """A model is being read, and was not given up yet."""


class GivenUp(ServingError):
    """A model was not read in the time that it is given."""


@dataclass(frozen=True)
class _Reading:
    release: str
    future: "Future[Any]"
    begun_at: float


@dataclass
class Loading:
    """The readings that are under way, one for each site. Times in seconds; `steady` counts them.

    `held_up` is how long whoever opens a release waits for its model, `given_up` how long it may take in all.
    """

    held_up: float
    given_up: float
    steady: Callable[[], float] = time.monotonic
    _under_way: dict[str, _Reading] = field(default_factory=dict[str, _Reading])

    def scorers(
        self, site: str, release: str, thread: Callable[[], ModelThread], work: Callable[[], Scorers]
    ) -> Scorers:
        """What `work` reads, begun in a thread of `thread` unless it is under way: then nobody waits for it again.

        Raises `StillRead`, `GivenUp`, and whatever `work` raises.
        """
        reading = self._under_way.get(site)
        is_new = reading is None or reading.release != release
        if reading is None or is_new:
            if reading is not None:
                reading.future.cancel()
            reading = _Reading(release, thread().submit(work).future, self.steady())
            self._under_way[site] = reading
        if not wait({reading.future}, min(self.held_up, self.given_up) if is_new else 0).done:
            if self.steady() - reading.begun_at < self.given_up:
                raise StillRead("the model is still being read")
            reading.future.cancel()
            del self._under_way[site]
            raise GivenUp(f"not read within {self.given_up:g} seconds")
        del self._under_way[site]
        return reading.future.result()
