"""Quoting, and the DuckDB macros that compiled contracts call.

What does not belong here: what a contract says. Macros read the pseudonym key from session variables, which are set
from bound parameters, so that no SQL text ever holds a key.
"""

import hashlib
import hmac

import duckdb

HMAC_BLOCK = 64  # bytes of a SHA-256 block (RFC 2104)
SEPARATOR = "chr(31)"
DATE_PATTERN = r"\d{4}(-\d{2}(-\d{2})?)?"
# `Type/id`, with or without a server before it and a version after it.
LITERAL_REFERENCE = r"(?:^|/)([A-Z][A-Za-z]{2,63}/[^/?#\s]{1,128})(?:/_history/[^/?#\s]+)?$"
CONDITIONAL_SYSTEM = r"[?&]identifier=([^|&]*)\|"
CONDITIONAL_VALUE = r"[?&]identifier=[^|&]*\|([^&]+)"

MACROS = (
    "pseudonym_of(message) as "
    "left(sha256(getvariable('hmac_outer') || unhex(sha256(getvariable('hmac_inner') || encode(message)))), 32)",
    "content_of(content) as sha256(getvariable('content_key') || encode(content))",
    "finite_number(x) as case when isfinite(x) then x end",
    "whole_number(x) as case when abs(x) < 9e15 and x = trunc(x) then cast(x as bigint) end",
    "whole_text(t) as case when regexp_full_match(t, '[+-]?[0-9]{1,18}') then try_cast(t as bigint) "
    "else whole_number(try_cast(t as double)) end",
    f"calendar_date(t) as case when regexp_full_match(t, '{DATE_PATTERN}') "
    "then try_cast(t || '-01-01'[(length(t) - 3):] as date) end",
    # Cheaper than a pattern: a time says its zone, and the cast judges the rest.
    "has_zone(t) as ends_with(t, 'Z') or t[-6] in ('+', '-') or t[-5] in ('+', '-') or t[-3] in ('+', '-')",
    "instant(t) as case when t[11] in ('T', ' ') then case when has_zone(t[12:]) and starts_with(t[14:], ':') "
    "then try_cast(t as timestamptz) end else cast(calendar_date(t) as timestamptz) end",
    "json_present(f) as f is not null and cast(f as varchar) <> '\"\"'",
    "json_text(f) as case when starts_with(cast(f as varchar), '\"') then nullif(trim("
    "case when contains(cast(f as varchar), '\\') then f ->> '$' else (cast(f as varchar))[2:-2] end), '') end",
    "json_number(f) as finite_number(case when not starts_with(cast(f as varchar), '\"') "
    "then try_cast(cast(f as varchar) as double) end)",
    "json_boolean(f) as case cast(f as varchar) when 'true' then true when 'false' then false end",
    f"conditional_target(reference) as case when regexp_matches(reference, '{CONDITIONAL_VALUE}') then "
    f"url_decode(regexp_extract(reference, '{CONDITIONAL_SYSTEM}', 1)) || {SEPARATOR} || "
    f"url_decode(regexp_extract(reference, '{CONDITIONAL_VALUE}', 1)) end",
    "resolved_reference(reference, target, id_system, id_value) as case "
    f"when reference is null then coalesce(id_system, '') || {SEPARATOR} || id_value "
    "when starts_with(reference, '#') then null "
    f"when starts_with(reference, 'urn:uuid:') then target || {SEPARATOR} || reference[10:] "
    "when contains(reference, '?') then conditional_target(replace(reference, '%7C', '|')) "
    f"else replace(nullif(regexp_extract(reference, '{LITERAL_REFERENCE}', 1), ''), '/', {SEPARATOR}) end",
)


def name(identifier: str) -> str:
    """Return a quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a quoted SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def install(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Make the macros and the site's keys known to a connection. The key travels as bound parameters only."""
    connection.execute("set TimeZone = 'UTC'")
    padded = (hashlib.sha256(key).digest() if len(key) > HMAC_BLOCK else key).ljust(HMAC_BLOCK, b"\0")
    connection.execute("set variable hmac_inner = ?", [bytes(b ^ 0x36 for b in padded)])
    connection.execute("set variable hmac_outer = ?", [bytes(b ^ 0x5C for b in padded)])
    content_key = hmac.new(key, b"pilothouse content", hashlib.sha256).digest()
    connection.execute("set variable content_key = ?", [content_key])
    for macro in MACROS:
        connection.execute(f"create or replace temp macro {macro}")
