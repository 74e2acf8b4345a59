"""The README's site of one's own: its file is a site, and its commands are the command line's."""

import re
import shlex
from pathlib import Path

from orchestration.cli import main
from orchestration.sites import parse_site

README = Path(__file__).parents[3] / "README.md"
SECTION = re.search(r"^## A site of your own\n(.*?)^## ", README.read_text("utf-8"), re.S | re.M)


def blocks(kind: str) -> list[str]:
    assert SECTION is not None
    found = re.findall(r"^```(\w*)\n(.*?)^```$", SECTION[1], re.S | re.M)
    return [text for named, text in found if named == kind]


def test_the_file_of_a_site_of_ones_own_is_a_site_that_takes_fhir_everywhere() -> None:
    [text] = blocks("yaml")
    site = parse_site("riverside", text)
    assert site.feeds == ("ehr_fhir",) and not site.simulated and not site.scope.is_nowhere


def test_its_commands_are_those_of_the_command_line(tmp_path: Path) -> None:
    commands = [line for block in blocks("") for line in block.splitlines()]
    assert len(commands) == 3
    for line in commands:
        program, name, *given = shlex.split(line, comments=True)
        assert program == ".venv/bin/pilothouse"
        args = [str(tmp_path) if one.startswith("../shared") else one for one in given]
        context = main.commands[name].make_context(name, args)
        assert context.params.get("site") in ("riverside", None, ("riverside",))
