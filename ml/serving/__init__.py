"""Serving: verified releases answer CDS Hooks requests; every answer is on disk before it goes out.

Here belong the HTTP service, the huddle board, fallback tiers and the event store. Making releases
(`ml/registry`, orchestration), judging them (evaluation) and training (`ml/training`) do not.

Every exception of this package descends from :class:`ServingError`::

    ServingError
    ├── ServingRefused     the service must not start as it is configured
    ├── StoreUnavailable   the event store cannot take an event: no advice goes out
    ├── Problem            one request is answered with an RFC 9457 problem document
    └── OperationsUnreadable, ReadersUnreadable   the page of operations, or who may read it, cannot be read
"""


class ServingError(Exception):
    """Root of the exceptions of this package; its message is a sentence that a person can act on."""


class ServingRefused(ServingError):
    """The service must not start as it is configured; the message says what to change."""


class StoreUnavailable(ServingError):
    """The event store cannot take an event. Without its event no answer goes out."""


class Problem(ServingError):
    """One request is answered with a problem document (RFC 9457). Details hold no identifiers."""

    def __init__(self, status: int, kind: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers or {}
