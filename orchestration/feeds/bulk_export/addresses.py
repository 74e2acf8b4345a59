"""Addresses: which may be asked, which may see a token, and how one is told without its secrets.

What does not belong here: asking (web.py).
"""

from urllib.parse import urljoin, urlsplit

from orchestration.feeds.bulk_export.errors import ExportUnsafe

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS = {"https": 443, "http": 80}


def origin_of(url: str) -> str:
    """Return scheme, host and port. Raises `ExportUnsafe` for what is no web address."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError as error:
        raise ExportUnsafe("The server gave an address that is none; report it to whoever runs the server.") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise ExportUnsafe("The server gave an address that is neither https nor http; report it to its operators.")
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}"


def joined(base: str, given: str) -> str:
    """Return an address that the server gave, which may be relative. Raises `ExportUnsafe` for what is none."""
    try:
        found = urljoin(base, given)
    except ValueError as error:
        raise ExportUnsafe("The server gave an address that is none; report it to whoever runs the server.") from error
    origin_of(found)
    return found


def require_secure(url: str) -> None:
    """Raise `ExportUnsafe` unless an address is https, or of this machine."""
    if origin_of(url).startswith("http:") and urlsplit(url).hostname not in LOCAL:
        raise ExportUnsafe(
            f"{told(url)} is not https: records and tokens do not travel in the clear. Name an https one."
        )
    if urlsplit(url).username is not None:
        raise ExportUnsafe(f"{told(url)} holds a user name: credentials do not belong in an address. Take it out.")


def told(url: str) -> str:
    """Return an address as it may be told: without query, fragment and user, which may be secrets."""
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is none"
    return f"{parts.scheme}://{host}{port}{parts.path}"[:200]
