"""Where a site's file lets each use case speak, as the file is now: read again when it changes, without a restart.

A file that cannot be read, or breaks its shape, lets nothing speak at its site: whoever edited it meant to say
something of where advice may appear, and what was meant is not known. All else of the file (its clock, shifts and
units) is what the service was started with. What does not belong here: what serving does with it (ml/serving/advice).
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ml.registry.manifest import Launch, Nowhere
from ml.usecases import load_declaration, use_case_names
from orchestration.settings import Settings
from orchestration.sites import SiteError, load_site, parse_site, site_file
from orchestration.steps.releases.proposal import current_pointer, launch_scopes, released_or_none

LOG = logging.getLogger("pilothouse.serving")
LOOK_EVERY_SECONDS = 1.0


class LaunchFile(Mapping[str, Launch]):
    """By use case, where a site's file lets it speak; the file is looked at once a second at the most."""

    def __init__(self, site: str, path: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._site, self._path, self._clock = site, path or site_file(site), clock
        self._print, self._found, self._looked_at = self._stat(), read_launch(site, self._path), clock()

    def __getitem__(self, use_case: str) -> Launch:
        self._look()
        return self._found[use_case]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_at < LOOK_EVERY_SECONDS:
            return
        self._looked_at, seen = now, self._stat()
        if seen == self._print:
            return
        self._print, before, self._found = seen, self._found, read_launch(self._site, self._path)
        changed = [f"{name}: {_words(one)}" for name, one in self._found.items() if one != before.get(name)]
        LOG.warning("%s was read again: %s", self._path.name, "; ".join(changed) or "nothing of launch scope changed")

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def read_launch(site: str, path: Path) -> dict[str, Launch]:
    """Where a site's file lets each use case speak; nowhere, with the reason, where it cannot be read."""
    try:
        return launch_scopes(parse_site(site, path.read_text("utf-8")))
    except SiteError as error:
        why = str(error)
    except (OSError, UnicodeDecodeError) as error:
        why = f"{path.name} cannot be read ({type(error).__name__})."
    return dict.fromkeys(use_case_names(), Nowhere(f"nothing is said while the site's file is broken: {why}"))


def launch_now(use_case: str, site: str) -> Launch:
    """Where the site's file lets a use case speak at this moment."""
    return read_launch(site, site_file(site))[use_case]


def narrowing(settings: Settings, use_case: str, site: str) -> str | None:
    """Say what of a release's signed scope the site's file silences now; None where nothing, or nothing is served."""
    release = released_or_none(settings, current_pointer(settings, use_case, site))
    if release is None:
        return None
    launch = launch_now(use_case, site)
    if isinstance(launch, Nowhere):
        return f"{load_declaration(use_case).title} at {site} is silent: {launch.why.rstrip('.')}."
    place, signed = load_site(site), release.manifest.scope
    silent = {
        "units": _without(signed.units or tuple(one.id for one in place.units), launch.units),
        "shifts": _without(signed.shifts or tuple(one.id for one in place.shifts), launch.shifts),
    }
    told = "; ".join(f"{part} {', '.join(names)}" for part, names in silent.items() if names)
    return (
        f"{load_declaration(use_case).title} at {site} is silent in {told}: the site's file says so." if told else None
    )


def _without(signed: tuple[str, ...], let: tuple[str, ...]) -> list[str]:
    return [name for name in signed if let and name not in let]


def _words(launch: Launch) -> str:
    return launch.why if isinstance(launch, Nowhere) else launch.text
