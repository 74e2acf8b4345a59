"""Every error as a problem document (RFC 9457), in one shape.

Here belong the handlers that turn exceptions into documents. When something is a problem is decided where it
is met.
"""

from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ml.features.request import RequestRefused
from ml.serving import Problem, StoreUnavailable
from ml.serving.headers import HEADERS

MEDIA_TYPE = "application/problem+json"
NAMESPACE = "urn:pilothouse:problem:"
RETRY_AFTER_SECONDS = "5"


class ProblemDocument(BaseModel):
    """RFC 9457, section 3.1."""

    type: str = Field(examples=[f"{NAMESPACE}unknown-site"])
    title: str
    status: int
    detail: str
    instance: str


def problem_response(
    request: Request, status: int, kind: str, detail: str, headers: dict[str, str] | None = None
) -> Response:
    """One problem document. `kind` names it within the service's own namespace of problem types."""
    return Response(
        problem_body(request.url.path, status, kind, detail),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers or {},
    )


def problem_body(path: str, status: int, kind: str, detail: str) -> bytes:
    """The document as bytes."""
    title = HTTPStatus(status).phrase
    document = {
        "type": NAMESPACE + kind,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": path,
    }
    return orjson.dumps(document)


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every exception that reaches the framework with a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(StoreUnavailable, _unavailable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the problems that an operation may answer with."""
    schema = ProblemDocument.model_json_schema()
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(request, error.status, error.kind, error.detail, error.headers)


async def _refused(request: Request, error: Exception) -> Response:
    """CDS Hooks 2.0: 412 when data that the service needs were not sent and cannot be fetched."""
    assert isinstance(error, RequestRefused)
    if error.is_missing:
        return problem_response(request, HTTPStatus.PRECONDITION_FAILED, "prefetch-missing", str(error))
    return problem_response(request, HTTPStatus.UNPROCESSABLE_ENTITY, "prefetch-contradicts", str(error))


async def _unavailable(request: Request, error: Exception) -> Response:
    headers = {"Retry-After": RETRY_AFTER_SECONDS}
    return problem_response(request, HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", str(error), headers)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    detail = "Nothing is served at this address with this method; see /openapi.json."
    return problem_response(request, error.status_code, kind, detail, dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fault = error.errors()[0]
    where = ".".join(str(step) for step in fault["loc"])
    detail = f"{where}: {fault['msg']}."
    return problem_response(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", detail)


async def _unexpected(request: Request, _: Exception) -> Response:
    """Answered outside every middleware of ours, and so with its headers here."""
    detail = "The service failed on this request and gives no advice; its log says why."
    return problem_response(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail, HEADERS)
