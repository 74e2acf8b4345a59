"""Where a site's FHIR server is and how it is asked for a bulk export: the section `bulk_export` of a site's file.

What does not belong here: asking it (orchestration/feeds/bulk_export), and the private key, which lies in a file of the
home that only its owner can read.
"""

import re
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

EVERY = re.compile(r"PT([1-9]\d{0,2})H|P([1-9]\d{0,2})D")
LOCAL = ("localhost", "127.0.0.1", "::1")
FhirId = Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-]{1,64}$")]
FhirType = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{1,63}$")]


class BulkExport(BaseModel):
    """A server and a client of it, which a server without authorisation does not ask for.

    `key_file` (PEM, or JWK) is under the home; `level` is what is exported where no group is named. `file_origins` are
    the other origins that may see the token, where the server keeps its files elsewhere. `every` (PT6H, P1D) lets
    Dagster export unattended, `patience_hours` is how long the server may take, `ca_file` holds its certificate
    authority where that is a hospital's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str
    client_id: str | None = None
    key_file: str | None = None
    key_id: str | None = None
    algorithm: Literal["ES384", "RS384"] = "ES384"
    scopes: tuple[str, ...] = ("system/*.read",)
    token_url: str | None = None
    level: Literal["system", "patient"] = "system"
    group: FhirId | None = None
    types: tuple[FhirType, ...] = ()
    file_origins: tuple[str, ...] = ()
    every: str | None = None
    patience_hours: float = Field(24.0, gt=0)
    ca_file: str | None = None

    @field_validator("base_url", "token_url", "file_origins")
    @classmethod
    def _is_secure(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for url in value if isinstance(value, tuple) else (value,) if value else ():
            parts = urlsplit(url)
            if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
                raise ValueError("an address is https, or of this machine")
        return value

    @field_validator("every")
    @classmethod
    def _is_a_span(cls, value: str | None) -> str | None:
        if value is not None and not EVERY.fullmatch(value):
            raise ValueError("`every` is whole hours or days, such as PT6H or P1D")
        return value

    @model_validator(mode="after")
    def _client_has_a_key(self) -> "BulkExport":
        if (self.client_id is None) != (self.key_file is None):
            raise ValueError("a client_id needs a key_file, and the other way round")
        return self

    @property
    def span(self) -> timedelta | None:
        """The time from one export to the next, null where nobody wants them unattended."""
        found = EVERY.fullmatch(self.every) if self.every else None
        if found is None:
            return None
        return timedelta(hours=int(found[1])) if found[1] else timedelta(days=int(found[2]))
