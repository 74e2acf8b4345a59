"""Who makes one call, and that its token is good for one: it is spent in the transaction that stores the answer.

Here belong the caller of a call and the tokens that this process has at hand. Checking a token is `tokens.py`;
remembering spent ones, over restarts and for several services, is the event store's (`events.py`).

A token that is spent with its answer costs no commit of its own. Until then the process itself remembers that it is at
hand, so that a token which is sent again reaches no model, no FHIR server and no count of what goes wrong.
"""

from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice

from ml.serving.clients import TrustedClient
from ml.serving.events import Spend
from ml.serving.tokens import REPLAYED, Token, TokenRefused

MAX_AT_HAND = 100_000
"""Tokens live five minutes: more than 300 calls a second for as long, and the oldest are left to the store alone."""

LEFT_SECONDS = 60.0
"""Beyond the leeway of a token's expiry."""


@dataclass
class Caller:
    """The client that makes one call (None: clients are not authenticated), and its token until it is spent."""

    client: TrustedClient | None = None
    spend: Spend | None = None

    @property
    def issuer(self) -> str | None:
        return None if self.client is None else self.client.issuer


class TokensAtHand:
    """The tokens that this process has seen and that have not expired, by issuer and `jti`."""

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def take(self, token: Token, now: float) -> None:
        """Take a token in hand. Raises `TokenRefused` for one that already is."""
        for key in tuple(islice(self._until, 2)):  # two may go for each that comes: what expired does not pile up
            if self._until[key] < now or len(self._until) > MAX_AT_HAND:
                del self._until[key]
        key = token.issuer, token.jti
        if key in self._until:
            raise TokenRefused(REPLAYED, token.issuer)
        self._until[key] = token.expires_at.timestamp() + LEFT_SECONDS

    def give_back(self, spend: Spend) -> None:
        """Let a token be sent again whose call the event store could not take."""
        self._until.pop((spend.issuer, spend.jti), None)
