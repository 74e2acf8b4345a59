"""`contract check` reads what sites say of their own columns and codes, too."""

from pathlib import Path

import pytest

import orchestration.sites
from orchestration.contracts.errors import InvalidMapping
from orchestration.contracts.mapping import FeedMapping, parse_mapping
from orchestration.steps.intake import contracts
from orchestration.steps.intake.contracts import check_contracts, check_mappings

MAPPINGS = Path(orchestration.sites.__file__).parent
WRONG = b"{feed: staffing, contract: %d, version: 1.0.0, columns: {%s: {from: Hours}}}"


def test_the_mappings_of_the_house_are_sound_and_listed_apart_from_contracts() -> None:
    answer = check_contracts(None)
    assert answer.document["ok"] and answer.document["problems"] == {}
    assert answer.document["mappings"] == sorted(one.name for one in MAPPINGS.glob("*.mappings"))
    assert {"pbj.mappings", "nhs_ae.mappings"} <= set(answer.document["mappings"])
    assert not set(answer.document["mappings"]) & set(answer.document["contracts"])


@pytest.mark.parametrize(
    ("site", "content", "said"),
    [
        ("pbj", WRONG % (7, b"rn_hours"), "written for version 7 of the contract"),
        ("pbj", WRONG % (1, b"no_such_column"), "no_such_column"),
        ("city", WRONG % (1, b"rn_hours"), None),
        ("nhamcs", WRONG % (1, b"rn_hours"), "a feed that nhamcs does not list"),
    ],
)
def test_a_mapping_that_does_not_fit_its_contract_or_site_is_told(
    monkeypatch: pytest.MonkeyPatch, site: str, content: bytes, said: str | None
) -> None:
    mapping: FeedMapping = parse_mapping(site, content, "staffing.yaml")
    monkeypatch.setattr(contracts, "load_mappings", lambda one: {"staffing": mapping} if one == site else {})
    problems = check_mappings()[f"{site}.mappings"]
    assert problems == [] if said is None else len(problems) == 1 and said in problems[0]


def test_a_file_that_cannot_be_read_and_names_that_meet_are_told_and_fail_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(site: str) -> None:
        raise InvalidMapping(f"{site}.mappings/codes.yaml is not YAML")

    monkeypatch.setattr(contracts, "load_codes", broken)
    answer = check_contracts(None)
    assert answer.exit_code == 1 and "samples.mappings/codes.yaml is not YAML" in (answer.text or "")
