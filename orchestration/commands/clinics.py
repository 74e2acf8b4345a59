"""The command about outpatient sessions. What does not belong here: logic (steps/forecasts/overbooking.py)."""

from pathlib import Path

import click

from orchestration.answers import answers
from orchestration.commands.options import ready_settings
from orchestration.steps.answer import Answer

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", metavar="SESSIONS", type=FILE)
@click.option("--site", help="Whose appointments the file names by number; not needed where it gives risks.")
@answers
def overbook(file: Path, site: str | None) -> Answer:
    """Advise extra bookings for each session of SESSIONS (pilothouse.sessions/1), inside the room's and the
    clinician's limits, with expected waiting, idle time and overtime beside those without."""
    from orchestration.steps.forecasts.overbooking import overbook_file

    return overbook_file(ready_settings(), file, site)
