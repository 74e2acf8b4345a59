"""What a call did not bring along, read from the client's FHIR server with the token that the call carries.

CDS Hooks 2.0, "FHIR Resource Access". Here belong the reads: only at a server that is listed for the client, only what
the prefetch templates ask for, within one deadline. The token is used for these reads, and never kept or logged. What
could not be read stays missing; whether it is needed is the rules' to say.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import orjson

from ml.serving.hooks import AnyRequest
from ml.serving.metrics import Meters
from ml.serving.outbound import Unreachable, fetch

LOG = logging.getLogger("pilothouse.serving")

READ_WITHIN_SECONDS = 1.0
"""For all reads of one call together: the standard wants an answer on the order of 500 ms, and this is on top."""
MAX_RESOURCE_BYTES = 1024 * 1024
MAX_PAGES = 10
_TOKEN = re.compile(r"\{\{(.*?)\}\}")
_FHIR_ID = re.compile(r"(?!\.+$)[A-Za-z0-9.-]{1,64}")
"""FHIR R4, datatype id; dots alone would lead out of the folder."""

_Call = TypeVar("_Call", bound=AnyRequest)


@dataclass(frozen=True)
class FhirReads:
    """What one client's calls may be completed from: the base addresses of its servers, and a connection."""

    servers: frozenset[str]
    web: httpx.AsyncClient
    meters: Meters

    async def complete(self, call: _Call, templates: Mapping[str, str]) -> _Call:
        """The call with its missing prefetch, as far as it could be read. Never raises for a server that fails."""
        missing = {key: template for key, template in templates.items() if is_missing(call.prefetch, key)}
        server = (call.fhirServer or "").rstrip("/")
        if not missing or call.fhirAuthorization is None or server not in self.servers:
            return call
        headers = {
            "Authorization": f"Bearer {call.fhirAuthorization.access_token}",
            "Accept": "application/fhir+json",
        }
        context = call.context.model_dump()
        async with asyncio.TaskGroup() as group:
            reads = {
                key: group.create_task(self._read(server, template, context, headers))
                for key, template in missing.items()
            }
        found = {key: read.result() for key, read in reads.items()}
        return call.model_copy(update={"prefetch": {**call.prefetch, **{k: v for k, v in found.items() if v}}})

    async def _read(
        self, server: str, template: str, context: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(READ_WITHIN_SECONDS):
                resource = await self._pages(server, f"{server}/{_filled(template, context)}", headers)
        except (Unreachable, TimeoutError) as error:
            LOG.warning("A client's FHIR server gave no %s: %s.", template.partition("?")[0].split("/")[0], _why(error))
            self.meters.fhir_reads.labels("failed").inc()
            return None
        self.meters.fhir_reads.labels("read").inc()
        return resource

    async def _pages(self, server: str, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """A resource, or a searchset with the entries of all its pages: half of them would be no searchset."""
        first = resource = await self._resource(url, headers)
        entries = _list(first.get("entry"))
        for _ in range(MAX_PAGES):
            url = next(
                (str(link.get("url")) for link in _list(resource.get("link")) if link.get("relation") == "next"), ""
            )
            if not url:
                return {**first, "entry": entries} if first.get("resourceType") == "Bundle" else first
            if not url.startswith((f"{server}/", f"{server}?")):
                raise Unreachable("a next page somewhere else")
            resource = await self._resource(url, headers)
            entries = [*entries, *_list(resource.get("entry"))]
        raise Unreachable(f"over {MAX_PAGES} pages")

    async def _resource(self, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        try:
            resource = orjson.loads(await fetch(self.web, url, MAX_RESOURCE_BYTES, headers))
        except orjson.JSONDecodeError as error:
            raise Unreachable("no JSON") from error
        if not isinstance(resource, dict) or resource.get("resourceType") in (None, "OperationOutcome"):
            raise Unreachable("no resource")
        return resource


def is_missing(prefetch: Mapping[str, Any], key: str) -> bool:
    """Whether a template was not satisfied: no key, or an OperationOutcome. Null says that there is nothing to send."""
    sent = prefetch.get(key, {"resourceType": "OperationOutcome"})
    return isinstance(sent, dict) and sent.get("resourceType") == "OperationOutcome"


def _filled(template: str, context: Mapping[str, Any]) -> str:
    def value(token: re.Match[str]) -> str:
        said = context.get(token[1].removeprefix("context."))
        if not isinstance(said, str) or _FHIR_ID.fullmatch(said) is None:
            raise Unreachable("the context names no FHIR id")
        return said

    return _TOKEN.sub(value, template)


def _list(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _why(error: Exception) -> str:
    return str(error) or f"no answer within {READ_WITHIN_SECONDS:g} seconds"
