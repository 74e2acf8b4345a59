"""Who looks at a page about operations or patients, and that their look is on record before it is answered.

Here belong signing in by the header of a proxy, and the record of looks. Who may read what (`readers.py`) and what is
on the pages do not.
"""

from http import HTTPStatus

from fastapi import Request

from ml.features.pseudonym import pseudonym
from ml.serving import Problem
from ml.serving.config import DEVELOPMENT
from ml.serving.ops.readers import Look, Reader, ReadersUnreadable, Role, load_readers, record_look
from ml.serving.running import Running

NOBODY = "nobody signed in"


def reader_of(running: Running, request: Request, chosen: Role | None = None) -> tuple[str, Reader]:
    """Who asks (a pseudonym) and as what; reads files. Raises `Problem` 403 for whoever is not known.

    Where nobody signs people in, which is in development alone, whoever asks chooses a role.
    """
    header = running.config.people_header
    name = None if header is None else request.headers.get(header)
    if header is None and running.config.environment == DEVELOPMENT:
        return NOBODY, Reader(role=chosen or "governance")
    if not name:
        raise refused(
            "not-signed-in", "Nobody is signed in; ask through the proxy that signs people in (serve --people-header)."
        )
    try:
        reader = load_readers(running.config.home).people.get(name)
    except ReadersUnreadable as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "readers-unreadable", str(error)) from error
    if reader is None or (chosen is not None and chosen != reader.role):
        raise refused(
            "not-a-reader", "You are no reader of this page, or not in this role; ask whoever keeps ops_readers.json."
        )
    key = next(iter(running.config.sites))
    return pseudonym(running.config.pseudonym_key(key), "Staff", name), reader


def put_on_record(running: Running, look: Look) -> None:
    """Have the look on disk when this returns. Raises `Problem` 503: then nothing may be shown."""
    try:
        record_look(running.config.home, look)
    except OSError as error:
        detail = f"Looks cannot be put on record ({error.strerror}), so that nothing is shown."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "look-not-recorded", detail) from error


def refused(kind: str, detail: str) -> Problem:
    """Return the problem of somebody who may not see a page."""
    return Problem(HTTPStatus.FORBIDDEN, kind, detail)
