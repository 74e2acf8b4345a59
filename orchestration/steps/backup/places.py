"""Whether a file or a database lies inside a home, whichever way the home is named: links are followed.

What does not belong here: what is done about it.
"""

import re
from pathlib import Path

from orchestration.settings import Settings

SQLITE_URL = re.compile(r"sqlite(?:\+\w+)?:///([^?]+)")


def in_home(settings: Settings, path: Path) -> bool:
    """Whether a path is the home or lies inside it."""
    return path.resolve().is_relative_to(settings.home.resolve())


def inside_home(settings: Settings, url: str) -> Path | None:
    """Return where in the home a database lies (relative to it); None for one that lies elsewhere."""
    found = SQLITE_URL.fullmatch(url.split("?")[0])
    if found is None or not in_home(settings, Path(found[1])):
        return None
    return Path(found[1]).resolve().relative_to(settings.home.resolve())
