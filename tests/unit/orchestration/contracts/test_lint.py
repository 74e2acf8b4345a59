"""What `contract check` finds in a contract's file."""

from pathlib import Path

import pytest

from orchestration.contracts import CONTRACTS_DIR, InvalidContract, list_contracts
from orchestration.contracts.lint import check_contract, read_contract

CENSUS = (CONTRACTS_DIR / "census.odcs.yaml").read_text(encoding="utf-8")


def written(folder: Path, text: str, name: str = "census.odcs.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("feed", sorted(list_contracts()))
def test_every_contract_of_the_house_passes(feed: str) -> None:
    assert check_contract(CONTRACTS_DIR / f"{feed}.odcs.yaml") == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: DataContract", "kind: Promise", "kind"),
        ("status: active", "status: {}", "status"),
        ("  - {property: reader, value: tabular}\n", "", "reader"),
        ("  - {property: retention,", "  - {property: keeping,", "retention"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in CENSUS
    found = check_contract(written(tmp_path, CENSUS.replace(old, new, 1)))
    assert said in " ".join(found)


def test_a_rule_that_does_not_compile_is_found(tmp_path: Path) -> None:
    text = CENSUS.replace(
        "        logicalType: integer", "        transformLogic: 'no_such_function(1)'\n        logicalType: integer", 1
    )
    assert "does not compile" in " ".join(check_contract(written(tmp_path, text)))


def test_a_file_of_another_name_is_found(tmp_path: Path) -> None:
    assert "expected census.odcs.yaml" in " ".join(check_contract(written(tmp_path, CENSUS, "beds.odcs.yaml")))


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))


@pytest.mark.parametrize("aliases", [BOMB, "a: &a [*a]\n"], ids=["more than can be read", "itself"])
def test_aliases_that_stand_for_too_much_are_refused_at_once(tmp_path: Path, aliases: str) -> None:
    path = written(tmp_path, f"{CENSUS}{aliases}")
    with pytest.raises(InvalidContract, match=r"census\.odcs\.yaml is no YAML: .* stand"):
        check_contract(path)
    with pytest.raises(InvalidContract, match=r"census\.odcs\.yaml is no YAML: .* stand"):
        read_contract(path)


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "a: [", "\x00", "name: [x]\n"])
def test_what_is_no_contract_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidContract):
        read_contract(written(tmp_path, text))
