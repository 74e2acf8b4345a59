"""A site's own codes: what a file may say, what is refused, and the published messages that ours is written for."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from orchestration.contracts.errors import InvalidMapping
from orchestration.sites import list_sites
from orchestration.sites.codes import Target, load_codes, parse_codes
from orchestration.sites.mappings import load_mappings

GOOD = """
version: 1.2.0
since: 2026-03-01
systems:
  LAB:
    vocabulary: OUR LAB
    codes:
      "17": {to: LOINC 718-7, name: Hb}
      panel: {to: [LOINC 8480-6, 3012888]}
  "":
    vocabulary: OUR WARD
    codes: {T: {to: 3020891}}
"""


def parsed(text: str):
    return parse_codes("here", text.encode(), "here.mappings/codes.yaml")


def test_a_code_stands_for_codes_of_everybody_or_for_numbers_of_concepts() -> None:
    rows = [(one.system, one.code, one.target) for one in parsed(GOOD).rows()]
    assert rows == [
        ("LAB", "17", Target(system="LOINC", code="718-7")),
        ("LAB", "panel", Target(system="LOINC", code="8480-6")),
        ("LAB", "panel", Target(concept_id=3012888)),
        ("", "T", Target(concept_id=3020891)),
    ]


def test_a_system_of_several_words_ends_at_the_last_space() -> None:
    [row] = parsed(
        "{version: 1.0.0, since: 2026-03-01, systems: {L: {vocabulary: V, codes: {x: {to: HL7 0005 2106-3}}}}}"
    ).rows()
    assert (row.target.system, row.target.code) == ("HL7 0005", "2106-3")


def test_the_label_names_site_version_and_content() -> None:
    label = parsed(GOOD).label
    assert re.fullmatch(r"here\.1\.2\.0\.[0-9a-f]{12}", label) and label != parsed(GOOD + "# changed\n").label


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("LOINC 718-7", "718-7", "neither the number of a concept nor a system and its code"),
        ("3012888", "-3", "neither the number"),
        ("3012888", "true", "neither the number"),
        ("OUR WARD", "OUR LAB", "two systems have the vocabulary name 'OUR LAB'"),
        ("OUR WARD", "a name that is longer than twenty", "at most 20 characters"),
        ("version: 1.2.0", "version: one", "version"),
        ("since: 2026-03-01", "", "since"),
        ("panel:", "p" * 51 + ":", "at most 50"),
        ("{to: 3020891}", "{to: []}", "at least 1"),
        ("{to: 3020891}", "{too: 3020891}", "to"),
        ("version: 1.2.0", "version: [", "is not YAML"),
    ],
)
def test_what_cannot_be_is_refused_with_the_file_and_the_field(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidMapping, match=r"here\.mappings/codes\.yaml") as refused:
        parsed(GOOD.replace(old, new))
    assert said in str(refused.value)


def test_a_file_of_codes_is_no_mapping_of_columns_and_most_sites_have_none() -> None:
    assert "codes" not in load_mappings("samples") and load_codes("samples") is not None
    assert load_codes("city") is None and {"samples"} <= {site for site in list_sites() if load_codes(site)}


@pytest.mark.shared_data
def test_every_own_code_of_the_sample_hospital_is_in_its_messages_by_that_name(shared_data: Path) -> None:
    sent, units = defaultdict(dict), set()
    for line in re.split(rb"[\r\n]+", (shared_data / "hl7v2_simhospital" / "messages.out").read_bytes()):
        fields = line.decode().split("|")
        if fields[0] == "OBX":
            code, name, system = [*fields[3].split("^"), "", ""][:3]
            sent[system][code] = name
            units.add(fields[6])
    codes = load_codes("samples")
    assert codes is not None
    for system, held in codes.systems.items():
        for code, mapping in held.codes.items():
            assert code in units if system == "UCUM" else sent[system][code] == mapping.name
    assert len(codes.systems["WinPath"].codes) == 26
