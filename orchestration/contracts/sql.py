"""Quoting, and the DuckDB macros that compiled contracts call.

What does not belong here: what a contract says. Macros read the pseudonym key from session variables, which are set
from bound parameters, so that no SQL text ever holds a key.
"""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import duckdb
import yaml

from orchestration.contracts import free_text, placeholders

HMAC_BLOCK = 64  # bytes of a SHA-256 block (RFC 2104)
SEPARATOR = "chr(31)"
NUMBERED_TYPES = ("Encounter", "Patient")  # FHIR's, whose numbers placeholders stand for
SERVERS = "server"  # of `authorities`: FHIR servers whose ids are the site's own
DATE_PATTERN = r"\d{4}(-\d{2}(-\d{2})?)?"
# A time says its zone, at most 14 hours from UTC (FHIR dateTime), and 24:00 is none; the cast judges the rest.
ZONE_PATTERN = r"(Z|[+-](0\d|1[0-3])(:?[0-5]\d)?|[+-]14(:?00)?)"
DATE_TIME_PATTERN = r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.]\d+)?)?" + ZONE_PATTERN
# DuckDB's cast also takes 7_5 for 75, and hexadecimal numbers.
NUMBER_PATTERN = "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"
# `Type/id`, with or without a server before it and a version after it; `Type?identifier=system|value`.
PLAIN_END = "/[A-Za-z0-9.-]+"
LITERAL_END = r"/[^/?#\s]+)(?:/_history/[^/?#\s]+)?$"
REFERENCED_TYPE = r"(?:^|/)([A-Z][A-Za-z]+)(?:\?|/[^/?#\s]+(?:/_history/[^/?#\s]+)?$)"
SERVER = r"^(.+)/[A-Z][A-Za-z]+/[^/?#\s]+(?:/_history/[^/?#\s]+)?$"
ASKED_SERVER = r"^(.+)/[A-Z][A-Za-z]+[?]"
LAST_SEGMENT = "[^/]*$"
CONDITIONAL_SYSTEM = r"[?&]identifier=([^|&]*)\|"
CONDITIONAL_VALUE = r"[?&]identifier=[^|&]*\|([^&]+)"
# HL7 v2 DTM: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ] (v2.8, 2A.3.22); zones as for `has_zone`.
HL7_LOCAL = (
    "[12][0-9]{3}(?:[0-9]{2}(?:[0-9]{2}(?:(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:[0-5][0-9](?:[.][0-9]{1,6})?)?)?)?)?)?"
)
HL7_ZONE = "(?:[+-](?:0[0-9]|1[0-3])[0-5][0-9]|[+-]1400)"
HL7_LONGEST_DAY = len("YYYYMMDD+ZZZZ")  # what is longer and has a zone has a clock
HL7_FORMS = ("%Y%m%d%H%M%S", "%Y%m%d%H%M%S.%f", "%Y%m%d%H%M", "%Y%m%d%H", "%Y%m%d", "%Y%m", "%Y")
HL7_TIMES, HL7_ZONED_TIMES = (str([form + zone for form in HL7_FORMS]) for zone in ("", "%z"))
# HL7 v2 TM: HH[MM[SS[.S[S[S[S]]]]]][+/-ZZZZ] (v2.8, 2A.3.75), a longer fraction as for DTM.
HL7_CLOCK = "(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:[0-5][0-9](?:[.][0-9]{1,6})?)?)?" + f"{HL7_ZONE}?"
# What somebody meant as a number: digits, in groups of three or not, a point or a comma; two of them with what stands
# before, between and after in a structured numeric. Telephone and social security numbers and dates are written with
# several spaces or points, or with a dash or a slash: these stand between two numbers only beside the `^` of HL7.
DECIMALS = "[0-9]{0,9}"
GROUPED = (
    rf"(?:[,_''][0-9]{{3}})*(?:[.]{DECIMALS})?|,{DECIMALS}| [0-9]{{3}}(?:[.,]{DECIMALS})?|[.][0-9]{{3}},{DECIMALS}"
)
MEANT = f"[+-]?[0-9]{{1,15}}(?:{GROUPED})(?:[eE][+-]?[0-9]{{1,4}})?"
COMPARED = rf"(?:[<>=]{{1,2}} ?)?(?:{MEANT})?"
NUMBER_LIKE = rf"(?:[<>=]{{1,2}} ?)?\^?{COMPARED}(?:(?::|\^[-+/:]\^?){COMPARED})?"
# No code looks like people's contacts do: an e-mail or web address, an SSN, a telephone number, an IPv4 address.
CONTACT = (
    r"@|://|(?:^|[^0-9])[0-9]{3}-[0-9]{2}-[0-9]{4}(?:[^0-9]|$)"
    r"|(?:[(][0-9]{3}[)] ?|(?:^|[^0-9])[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}(?:[^0-9]|$)"
    r"|^[0-9]{1,3}(?:[.][0-9]{1,3}){3}$"
)

ZIP_PATTERN = "[0-9]{3}(?:[0-9]{2}(?:-?[0-9]{4})?)?"  # whole, or cut already
SMALL_ZIP_PREFIXES: tuple[str, ...] = tuple(
    yaml.load((Path(__file__).parent / "small_zip_prefixes.yaml").read_bytes(), yaml.CSafeLoader)["prefixes"]
)

MACROS = (
    "pseudonym_of(message) as "
    "left(sha256(getvariable('hmac_outer') || unhex(sha256(getvariable('hmac_inner') || encode(message)))), 32)",
    "content_of(content) as sha256(getvariable('content_key') || encode(content))",
    placeholders.macro(),
    f"issued_to(target, value) as case when target in {NUMBERED_TYPES} then issued(value) else value end",
    "finite_number(x) as case when isfinite(x) then x end",
    "whole_number(x) as case when abs(x) < 9e15 and x = trunc(x) then cast(x as bigint) end",
    f"number_text(t) as finite_number(case when regexp_full_match(t, '{NUMBER_PATTERN}') "
    "then try_cast(t as double) end)",
    "whole_text(t) as case when regexp_full_match(t, '[+-]?[0-9]{1,18}') then try_cast(t as bigint) "
    "else whole_number(number_text(t)) end",
    f"calendar_date(t) as case when regexp_full_match(t, '{DATE_PATTERN}') "
    "then try_cast(t || '-01-01'[(length(t) - 3):] as date) end",
    # A date without a clock is the site's midnight, so that its date at the site is itself (decision record 0061).
    f"instant(t) as case when regexp_full_match(t, '{DATE_TIME_PATTERN}') then try_cast(t as timestamptz) "
    "else timezone(getvariable('site_zone'), cast(calendar_date(t) as timestamp)) end",
    f"zoned_time(t) as case when regexp_full_match(t, '{DATE_TIME_PATTERN}') then try_cast(t as timestamptz) end",
    # A version from days after its arrival would stay the latest until then: it says nothing, and arrival decides.
    "possible_version(version, arrived_at) as case when version <= arrived_at then version "
    "when version <= arrived_at + interval '1 day' then version end",
    f"bare_code(t) as case when length(t) < 7 or not regexp_matches(t, '{CONTACT}') then t end",
    # Senders put texts where codes belong: of one with a space only listed clinical words stay.
    "hl7_code(t) as case when length(t) > 64 then null when contains(t, ' ') then clinical_text(bare_code(t)) "
    "else bare_code(t) end",
    f"number_like(t) as case when length(t) <= 40 and regexp_full_match(t, '{NUMBER_LIKE}') then bare_code(t) end",
    "plain_number(x) as regexp_replace(cast(x as varchar), '[.]0$', '')",
    "with_unit(x, unit) as plain_number(x) || coalesce(' ' || unit, '')",
    "said_range(low, high, unit) as case when low is not null and high is not null then "
    "plain_number(low) || '-' || with_unit(high, unit) "
    "when low is not null then '>=' || with_unit(low, unit) "
    "when high is not null then '<=' || with_unit(high, unit) end",
    # Of either part, a comparator stands before the number: it is a bound (decision record 0058).
    "said_part(comparator, x, unit) as coalesce(coalesce(comparator, '') || with_unit(x, unit), '')",
    "said_ratio(numerator, denominator) as case when numerator <> '' or denominator <> '' "
    "then numerator || ':' || denominator end",
    f"hl7_clock(t) as case when regexp_full_match(t, '{HL7_CLOCK}') then t end",
    # Of a US ZIP code its first three digits; an address without a country is in the US if its code looks so.
    f"zip3(t, country) as case when regexp_full_match(t, '{ZIP_PATTERN}') "
    f"and coalesce(upper(country), 'US') in ('US', 'USA', 'UNITED STATES', 'UNITED STATES OF AMERICA') then "
    f"case when left(t, 3) in ({', '.join(map(repr, SMALL_ZIP_PREFIXES))}) then '000' else left(t, 3) end end",
    # What is left out of a time is its earliest: 2020 means the first of January, at midnight. A time without a zone is
    # the site's; one that a clock skips is read with the offset from before the change, one that it shows twice as the
    # later. A zone beside a day without a clock would move the day, and is not looked at.
    f"hl7_local(t) as case when regexp_full_match(t, '{HL7_LOCAL}') then try_strptime(t, {HL7_TIMES}) end",
    f"hl7_instant(t) as case when length(t) <= {HL7_LONGEST_DAY} "
    f"then timezone(getvariable('site_zone'), hl7_local(regexp_replace(t, '{HL7_ZONE}$', ''))) "
    f"when regexp_full_match(t, '{HL7_LOCAL}{HL7_ZONE}') then try_strptime(t, {HL7_ZONED_TIMES}) "
    f"else timezone(getvariable('site_zone'), hl7_local(t)) end",
    f"hl7_date(t) as cast(hl7_local(regexp_replace(t, '{HL7_ZONE}$', '')) as date)",
    "json_given(f) as nullif(f, '\"\"')",
    # Without an escape the only quotes are those around it; few strings have one, or a space beside a quote to trim.
    "json_text(f) as case when not starts_with(f, '\"') or f = '\"\"' then null "
    "when contains(f, '\\') or contains(f, '\" ') or contains(f, ' \"') "
    "then nullif(trim(json_extract_string(f, '$')), '') else replace(f, '\"', '') end",
    "json_number(f) as finite_number(case when not starts_with(f, '\"') then try_cast(f as double) end)",
    "json_boolean(f) as case f when 'true' then true when 'false' then false end",
    f"conditional_target(reference, target) as case when regexp_matches(reference, '{CONDITIONAL_VALUE}') then "
    f"url_decode(regexp_extract(reference, '{CONDITIONAL_SYSTEM}', 1)) || {SEPARATOR} || "
    f"issued_to(target, url_decode(regexp_extract(reference, '{CONDITIONAL_VALUE}', 1))) end",
    f"named_type(reference, type) as coalesce(nullif(regexp_extract(type, '{LAST_SEGMENT}'), ''), "
    f"nullif(regexp_extract(reference, '{REFERENCED_TYPE}', 1), ''))",
    # An id is its server's: the same on another server is another thing. `base` is the server of the record itself,
    # null where its bundle does not say. Whoever has a number is asked for by `?`: that names no id, and its server is
    # of no matter where it says who issued the number.
    "elsewhere(server, base) as server <> '' and not coalesce(own_server(server, base), false)",
    "from_elsewhere(reference, base) as case when regexp_matches(reference, '^(urn:|#)') then false "
    f"when not contains(reference, '?') then elsewhere(regexp_extract(reference, '{SERVER}', 1), base) "
    f"when regexp_extract(replace(reference, '%7C', '|'), '{CONDITIONAL_SYSTEM}', 1) = '' "
    f"then elsewhere(regexp_extract(reference, '{ASKED_SERVER}', 1), base) else false end",
    # What a reference to `target` is known by; null for one that cannot be resolved or names another type.
    "resolved_reference(reference, type, target, id_system, id_value, base) as case "
    f"when type is not null and regexp_extract(type, '{LAST_SEGMENT}') <> target then null "
    f"when reference is null then coalesce(id_system, '') || {SEPARATOR} || id_value "
    # Of most: cheaper to see than to cut out what may stand before and after.
    f"when regexp_full_match(reference, target || '{PLAIN_END}') then replace(reference, '/', {SEPARATOR}) "
    "when starts_with(reference, '#') or from_elsewhere(reference, base) then null "
    f"when starts_with(reference, 'urn:uuid:') then replace(reference, 'urn:uuid:', target || {SEPARATOR}) "
    "when contains(reference, '?') then case "
    "when starts_with(reference, '?') or contains('/' || reference, '/' || target || '?') "
    "then conditional_target(replace(reference, '%7C', '|'), target) end "
    f"else replace(nullif(regexp_extract(reference, '(?:^|/)(' || target || '{LITERAL_END}', 1), ''), "
    f"'/', {SEPARATOR}) end",
)


# What stands in the place of a digest where nothing but its being there is asked: as long, and of the same characters.
UNKEYED = ("pseudonym_of(message) as left(sha256(message), 32)", "content_of_record(content) as sha256(content)")


def name(identifier: str) -> str:
    """Return a quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a quoted SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def canonical(kind: str | None, message: str) -> str:
    """Return the message of an identifier under the one name that the site knows its authority by."""
    return f"known_authority({text(kind)}, {message})" if kind else message


def issued(kind: str | None, value: str) -> str:
    """Return an identifier's text, null for a placeholder where it numbers patients, visits or orders."""
    return f"issued({value})" if kind else value


def authority_macro(authorities: Mapping[str, Mapping[str, str]]) -> str:
    """Return the macro that renames authorities: by what they number (patient, visit), another name to the one."""
    known = {(k, other): one for k, names in authorities.items() if k != SERVERS for other, one in names.items()}
    if not known:
        return "known_authority(kind, message) as message"
    entries = ", ".join(f"{text(k)} || {SEPARATOR} || {text(other)}: {text(one)}" for (k, other), one in known.items())
    named = f"map {{{entries}}}[kind || {SEPARATOR} || split_part(message, {SEPARATOR}, 1)]"
    renamed = f"{named} || substr(message, instr(message, {SEPARATOR}))"
    return f"known_authority(kind, message) as coalesce({renamed}, message)"


def server_macros(authorities: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    """Return the macros that tell the site's own FHIR servers: whether one is, and whether one is listed as none.

    Without a list a record's own server is.
    """
    listed = ", ".join(text(server) for server in authorities.get(SERVERS, {}))
    is_own = f"server in ({listed})" if listed else "server = base"
    is_strange = f"server not in ({listed})" if listed else "false"
    return f"own_server(server, base) as {is_own}", f"strange_server(server) as {is_strange}"


def install(
    connection: duckdb.DuckDBPyConnection,
    key: bytes,
    zone: str = "UTC",
    authorities: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Make the macros, the site's keys, its time zone and its names of authorities known to a connection.

    The key travels as bound parameters only.
    """
    free_text.install(connection, free_text.clinical_words())
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set variable site_zone = ?", [zone])
    padded = (hashlib.sha256(key).digest() if len(key) > HMAC_BLOCK else key).ljust(HMAC_BLOCK, b"\0")
    connection.execute("set variable hmac_inner = ?", [bytes(b ^ 0x36 for b in padded)])
    connection.execute("set variable hmac_outer = ?", [bytes(b ^ 0x5C for b in padded)])
    content_key = hmac.new(key, b"pilothouse content", hashlib.sha256).digest()
    connection.execute("set variable content_key = ?", [content_key])
    for definition in (*server_macros(authorities or {}), *MACROS, authority_macro(authorities or {})):
        connection.execute(f"create or replace temp macro {definition}")


def install_unkeyed(
    connection: duckdb.DuckDBPyConnection, zone: str = "UTC", authorities: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Make the macros known to a connection that only asks which clauses are broken; it gets no key.

    Nothing in them reads a variable: DuckDB plans a statement that does anew whenever it runs.
    """
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set variable site_zone = ?", [zone])
    free_text.install(connection, free_text.clinical_words())
    settled = [definition.replace("getvariable('site_zone')", text(zone)) for definition in MACROS]
    known = (*server_macros(authorities or {}), *settled, authority_macro(authorities or {}), *UNKEYED)
    for definition in known:
        connection.execute(f"create or replace temp macro {definition}")
