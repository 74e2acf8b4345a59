"""What one call says: its document, its shape and the features of its case, each read once, when it is first asked for.

Here belongs reading a call while its token is still being checked. Nothing of it is used, stored or told before the
check is over; a call that cannot be read is refused by whoever asks for it then.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from ml.features.request import RequestFeatures
from ml.serving.bodies import decoded, shaped
from ml.serving.hooks import AnyRequest
from ml.serving.services import HookService, Rules, ScoringService

_Service = TypeVar("_Service", bound=HookService)

READ_AHEAD_BYTES = 64 * 1024
"""A body up to this size is read while its token is checked; who has no token costs the service no more than that."""


@dataclass
class Reading(Generic[_Service]):
    """One call of a service, which came at `began` (`time.perf_counter`).

    Asking for a part of it raises `Problem` or `RequestRefused` where it cannot be read.
    """

    service: _Service
    body: bytes
    began: float = field(default_factory=time.perf_counter)
    _found: tuple[AnyRequest, Rules, RequestFeatures] | None = field(default=None, init=False, repr=False)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The decoded body."""
        return decoded(self.body)

    @cached_property
    def call(self) -> AnyRequest:
        """The call in the standard's shape."""
        return shaped(self.service.request, self.document, "The call")

    def features(self: "CaseReading", call: AnyRequest, rules: Rules, now: datetime) -> RequestFeatures:
        """The features of `call`, which may have more than was sent, by the rules that are served now."""
        if self._found is not None and self._found[0] is call and self._found[1] is rules:
            return self._found[2]
        return rules.features(self.service.sent(call), now)

    def ahead(self: "CaseReading", rules: Rules | None, now: datetime) -> None:
        """Read as much as can be. What cannot be read is found out once more, and told, when it is asked for."""
        if len(self.body) > READ_AHEAD_BYTES:
            return
        with suppress(Exception):  # whoever has no token learns nothing by it, and whoever has one is told later
            call = self.call
            if rules is not None:
                self._found = call, rules, self.features(call, rules, now)


CaseReading = Reading[ScoringService]
"""A call of a service that scores."""
