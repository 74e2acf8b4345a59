"""Whom the service trusts: `clients.json` in the home folder (CDS Hooks 2.0, "Trusting CDS Clients").

Here belong the file's shape and what is read from it: issuers with their key sets, the address under which
clients know the service, origins of browsers, how often a client may call. Checking a token is `tokens.py`, when
the file is read again is `trusting.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ml.registry.manifest import first_fault
from ml.serving import ServingRefused
from ml.serving.config import DEVELOPMENT, ServingConfig
from ml.serving.keysets import ALGORITHMS, MAX_BYTES, KeySet, KeySetInvalid, parse_keys
from ml.serving.outbound import Connect, Unreachable, fetch_once

CLIENTS_FILE = "clients.json"
MAX_CLIENTS = 200
MAX_FILE_BYTES = 1024 * 1024
KEYS_WITHIN_SECONDS = 2.0
CALLS_PER_SECOND = 100.0
"""Of one client outside development, where the file says nothing else: twice the rate that serving is measured at."""
HttpsUrl = Annotated[str, Field(pattern=r"^https://[^\s/?#@]+(/[^\s?#]*)?$", max_length=512)]
BaseUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", max_length=512)]
Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$", max_length=255)]
Words = Annotated[str, Field(min_length=1, max_length=256)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class _Listed(_Part):
    iss: str = Field(min_length=1, max_length=512)
    jwks_file: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$")
    jku: HttpsUrl | None = None
    sites: tuple[str, ...] | None = None
    tenants: tuple[Words, ...] | None = None
    fhir_servers: tuple[BaseUrl, ...] = ()
    calls_per_second: float | None = Field(default=None, gt=0, le=100_000)

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.jwks_file is None and self.jku is None:
            raise ValueError("name jwks_file, a key set in the home folder, or jku, the https address of one")
        return self


class _ClientsFile(_Part):
    schema_: Literal["pilothouse.clients/1"] = Field(alias="schema")
    base_url: BaseUrl | None = None
    cors_origins: tuple[Origin, ...] | None = None
    calls_per_second: float | None = Field(default=None, gt=0, le=100_000)
    clients: tuple[_Listed, ...] = Field(min_length=1, max_length=MAX_CLIENTS)


@dataclass(frozen=True)
class TrustedClient:
    """One issuer: its keys, the only `jku` its tokens may name, and for whom it may speak (None: for all)."""

    issuer: str
    keys: KeySet
    jku: str | None
    sites: frozenset[str] | None
    tenants: frozenset[str] | None
    fhir_servers: frozenset[str]
    calls_per_second: float | None


@dataclass(frozen=True)
class Clients:
    """The file as it is used: issuers by name, and what it says of the service (None: as it was started)."""

    by_issuer: Mapping[str, TrustedClient]
    base_url: str | None = None
    cors_origins: tuple[str, ...] | None = None
    calls_per_second: float | None = None


def load_clients(home: Path, connect: Connect) -> Clients | None:
    """Read `<home>/clients.json` and the key sets in the home; None when there is no such file.

    Raises `ServingRefused` for a file or a key that cannot be trusted. Nothing is fetched: a key set of an address is
    read at the first token that needs it.
    """
    path = home / CLIENTS_FILE
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ServingRefused(f"{CLIENTS_FILE} is larger than {MAX_FILE_BYTES} bytes; list fewer clients.")
        listed = _ClientsFile.model_validate_json(content)
    except ValidationError as error:
        raise ServingRefused(first_fault(CLIENTS_FILE, error)) from error
    except OSError as error:
        raise ServingRefused(f"{CLIENTS_FILE} cannot be read ({error.strerror}); let this user read it.") from error
    by_issuer = {one.iss: _trusted(home, one, connect) for one in listed.clients}
    if len(by_issuer) < len(listed.clients):
        raise ServingRefused(f"{CLIENTS_FILE} lists one issuer twice; list its keys in one key set.")
    return Clients(by_issuer, listed.base_url, listed.cors_origins, listed.calls_per_second)


def configured(config: ServingConfig, clients: Clients | None) -> ServingConfig:
    """The configuration with what the file says of the service.

    Raises `ServingRefused` outside development without trusted clients, or without an https address.
    """
    if clients is not None:
        said = {
            "base_url": clients.base_url,
            "cors_origins": clients.cors_origins,
            "calls_per_second": clients.calls_per_second,
        }
        config = replace(config, **{name: value for name, value in said.items() if value is not None})
    if config.environment == DEVELOPMENT:
        return config
    if clients is None:
        raise ServingRefused(
            f"In {config.environment} every client is authenticated: list them in {CLIENTS_FILE} in the home folder."
        )
    if config.calls_per_second is None:
        config = replace(config, calls_per_second=CALLS_PER_SECOND)
    if urlsplit(config.base_url).scheme != "https":
        raise ServingRefused(
            f"In {config.environment} clients come over https, and the audience of their tokens is the address they "
            f"call: say it in {CLIENTS_FILE} as base_url, such as https://cds.example.org."
        )
    plain = [one.issuer for one in clients.by_issuer.values() for url in one.fhir_servers if url.startswith("http:")]
    if plain:
        raise ServingRefused(f"In {config.environment} the fhir_servers of {plain[0]} must be https addresses.")
    return config


def _trusted(home: Path, listed: _Listed, connect: Connect) -> TrustedClient:
    return TrustedClient(
        issuer=listed.iss,
        keys=_key_set(home, listed, connect),
        jku=listed.jku,
        sites=None if listed.sites is None else frozenset(listed.sites),
        tenants=None if listed.tenants is None else frozenset(listed.tenants),
        fhir_servers=frozenset(url.rstrip("/") for url in listed.fhir_servers),
        calls_per_second=listed.calls_per_second,
    )


def _key_set(home: Path, listed: _Listed, connect: Connect) -> KeySet:
    name = listed.jwks_file
    if name is None:
        return KeySet(partial(fetch_once, connect, str(listed.jku), MAX_BYTES, KEYS_WITHIN_SECONDS))
    path = (home / name).resolve()
    if not path.is_relative_to(home.resolve()):
        raise ServingRefused(f"{CLIENTS_FILE} names a key set outside the home folder; put it inside.")
    try:
        keys = parse_keys(path.read_bytes(), is_strict=True)
    except (OSError, KeySetInvalid) as error:
        raise ServingRefused(f"{name} is no key set of {' or '.join(ALGORITHMS)} keys with ids ({error}).") from error
    if not keys:
        raise ServingRefused(f"{name} holds no key; ask the client for its key set.")
    return KeySet(partial(_read, path), keys)


async def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreachable(error.strerror or type(error).__name__) from error
