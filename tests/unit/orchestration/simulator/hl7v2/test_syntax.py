from zoneinfo import ZoneInfo

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.simulator.clock import LocalClock
from orchestration.simulator.hl7v2.syntax import (
    Times,
    cut_short,
    identifier,
    in_file,
    parts,
    segment,
    without_identifiers,
)
from orchestration.simulator.interfaces import INTERFACES

WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=382, exclude_categories=("C", "Z")), max_size=12)
HEAD = r"MSH|^~\&|APP|FAC|||20240306101500||ADT^A01^ADT_A01|1|P|2.5.1"


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_what_is_written_into_components_is_what_a_library_reads(words: list[str]):
    message = hl7.parse("\r".join([HEAD, segment("ZZZ", {2: parts("x", *words, "y")})]))
    field = message.segments("ZZZ")[0][2]
    assert [message.unescape(str(component)) for component in field[0]] == ["x", *words, "y"]


@given(st.dictionaries(st.integers(1, 40), st.text("AB1", min_size=1, max_size=3), min_size=1))
def test_fields_stand_where_the_standard_numbers_them(fields: dict[int, str]):
    written = segment("PV1", fields).split("|")
    assert {n: value for n, value in enumerate(written) if value and n} == fields
    assert written[-1]


def test_headers_are_numbered_from_their_separator():
    assert segment("MSH", {2: "^~\\&", 3: "A", 7: "T"}) == "MSH|^~\\&|A||||T"
    assert segment("BHS", {2: "^~\\&", 11: "B"}).split("|")[10] == "B"


def test_an_identifier_keeps_the_subcomponents_of_its_authority():
    assert identifier("R1^", "&urn:x&URI", "MR") == "R1\\S\\^^^&urn:x&URI^MR"


@pytest.mark.parametrize(
    ("site", "zone", "exact", "clinical"),
    [
        ("city", "America/New_York", "20240310035959-0400", "20240310035959-0400"),
        ("district", "America/Chicago", "20240310015959", "20240310015959"),
        ("rural", "Europe/Dublin", "20240310075959", "202403100759"),
    ],
)
def test_times_are_local_with_an_offset_where_the_site_has_one(site: str, zone: str, exact: str, clinical: str):
    times = Times(LocalClock(ZoneInfo(zone)), INTERFACES[site])
    assert times.exact(1710057599) == exact
    assert times.clinical(1710057599) == clinical
    assert times.clinical(None) == ""


@pytest.mark.parametrize("site", INTERFACES)
def test_every_framing_holds_the_messages_and_nothing_else(site: str):
    codec = {"city": "utf-8", "district": "ascii", "rural": "iso8859-2"}[site]
    sent = [f"{HEAD}\rPID|1||{n}" for n in range(3)]
    content = in_file(sent, INTERFACES[site], "20240306235959", "B1").decode(codec)
    if site == "district":
        (batch,) = hl7.parse_file(content)
        found = list(batch)
        assert content.splitlines()[-2:] == ["BTS|3", "FTS|1"]
    else:
        found = [hl7.parse("MSH" + part) for part in content.replace("\r\n", "\r").split("MSH")[1:]]
    assert [str(message.segments("PID")[0][3]) for message in found] == ["0", "1", "2"]


def test_names_survive_the_charset_a_site_declares_and_only_that():
    for site, kept in (("city", True), ("district", False), ("rural", True)):
        content = in_file([f"{HEAD}\rPID|||||Zabłocki^Siobhán"], INTERFACES[site], "", "B")
        codec = {"city": "utf-8", "district": "ascii", "rural": "iso8859-2"}[site]
        assert ("Zabłocki^Siobhán" in content.decode(codec)) is kept


def test_damage_takes_the_patients_numbers_or_the_end_and_never_the_header():
    message = f"{HEAD}\rEVN|A01\rPID|1||M1^^^A^MR||Name\rPV1|1|E"
    assert without_identifiers(message, 0.5) == message.replace("M1^^^A^MR", "")
    for place in (0.2, 0.5, 0.9):
        cut = cut_short(message, place)
        assert message.startswith(cut) and cut.startswith(HEAD) and len(cut) < len(message)
