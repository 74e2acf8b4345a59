"""The server's list of files (Bulk Data Access IG, "Response - Complete Status"), read page by page.

What does not belong here: fetching it or the files.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration.feeds.bulk_export.addresses import joined, told
from orchestration.feeds.bulk_export.errors import ExportRefused
from orchestration.feeds.bulk_export.journal import Kind, RemoteFile

TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
PREFIX: dict[Kind, str] = {"output": "", "deleted": "deleted-", "error": "problems-"}


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class _Entry(_Lenient):
    type: str = "Unknown"
    url: str
    count: int | None = Field(None, ge=0)


class _Link(_Lenient):
    relation: str
    url: str


class Manifest(_Lenient):
    """One page."""

    transaction_time: str = Field(alias="transactionTime")
    requires_access_token: bool = Field(alias="requiresAccessToken")
    output: list[_Entry] = []
    deleted: list[_Entry] = []
    error: list[_Entry] = []
    link: list[_Link] = []

    def following(self, url: str) -> str | None:
        """Return the address of the page after this one."""
        found = next((one.url for one in self.link if one.relation == "next"), None)
        return joined(url, found) if found else None

    def files(self, url: str, first: int) -> Iterator[RemoteFile]:
        """Yield the files of this page; their names here are numbered on from `first`."""
        listed: list[tuple[Kind, list[_Entry]]] = [
            ("output", self.output),
            ("deleted", self.deleted),
            ("error", self.error),
        ]
        entries: list[tuple[Kind, _Entry]] = [(kind, entry) for kind, found in listed for entry in found]
        for number, (kind, entry) in enumerate(entries, start=first):
            named = entry.type if TYPE.fullmatch(entry.type) else "Unknown"
            stem = f"{PREFIX[kind]}{'' if kind == 'error' else named}"
            name = f"{stem.rstrip('-')}-{number:05}.ndjson"
            yield RemoteFile(kind=kind, type=named, url=joined(url, entry.url), name=name, count=entry.count)


def parse_manifest(body: bytes, url: str) -> Manifest:
    """Return a page. Raises `ExportRefused` for what is none."""
    try:
        found = Manifest.model_validate_json(body)
        moment = datetime.fromisoformat(found.transaction_time)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ExportRefused(
            f"{told(url)} gives no list of files that the standard knows: {place}, {first['msg']}."
        ) from None
    except ValueError:
        raise ExportRefused(f"{told(url)} gives a transactionTime that is no time.") from None
    if moment.tzinfo is None:
        raise ExportRefused(f"{told(url)} gives a transactionTime without a time zone.")
    return found
