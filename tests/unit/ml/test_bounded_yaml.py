"""Aliases are read, as far as they stand for what could be read."""

import pytest
import yaml

from ml.bounded_yaml import MOST_NODES, load_bounded


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_aliases_are_read() -> None:
    text = "night: &night {from: '23:00', to: '07:00'}\nweekend: [*night, *night]\nplain: 'A & E * 2'"
    assert load_bounded(text)["weekend"] == [{"from": "23:00", "to": "07:00"}] * 2


@pytest.mark.parametrize("text", [laughs(9), laughs(40)], ids=["nine levels", "forty levels"])
def test_a_few_lines_that_stand_for_too_much_are_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match=f"{MOST_NODES:,}"):
        load_bounded(text)


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "a: *never\nb: &b 1"], ids=["list", "map", "nowhere"])
def test_what_holds_itself_or_was_never_said_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="stands for nothing before it"):
        load_bounded(text)
