"""Running the service over this home, and where its pages are found.

What does not belong here: what the service answers (ml/serving), and running it beside others (user_interfaces).
"""

import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ml.serving.config import ServingConfig, SiteContext, utc_now
from ml.serving.hours import WorkingShift
from ml.usecases import load_declaration, planned_use_cases
from orchestration.settings import Environment, Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.intake.keys import site_key
from orchestration.steps.present import own_clock
from orchestration.steps.releases.launching import LaunchFile

SIMULATED = "A demo: patients, nurses and the clock of this page are simulated."
HOST, SERVICE_PORT = "127.0.0.1", 8088


class PortTaken(StepError):
    """Nothing can listen at the address and port."""


def serving_config(
    settings: Settings,
    base_url: str,
    *,
    home: Path | None = None,
    clock: Callable[[], datetime] = utc_now,
    people_header: str | None = None,
) -> ServingConfig:
    """Return the service's configuration: what it must know of each site, over this home or a scratch one.

    A scratch home is a rehearsal's: it answers nobody but the rehearsal, so no client needs to be trusted there, and
    its release speaks in every unit.
    """
    planned = planned_use_cases()
    sites = {
        site.id: SiteContext(
            timezone=site.timezone,
            pseudonym_key=site_key(settings, site),
            name=site.name,
            units={unit.id: unit.name for unit in site.units},
            launch=LaunchFile(site.id) if home is None else {},
            shifts=tuple(WorkingShift(one.id, one.starts, one.ends) for one in site.shifts),
        )
        for site in map(load_site, list_sites())
    }
    return ServingConfig(
        home=home or settings.home,
        sites=sites,
        environment=(settings.environment if home is None else Environment.DEVELOPMENT).value,
        events_url=settings.events_url if home is None else None,
        base_url=base_url,
        reports=shown_reports(settings) if home is None else None,
        clock=clock,
        planned=planned,
        titles={use_case: load_declaration(use_case).title for use_case in planned},
        people_header=people_header,
    )


def run_service(settings: Settings, host: str, port: int, people_header: str | None = None) -> None:
    """Serve verified releases until interrupted. Raises `PortTaken`."""
    _require_free(host, port)
    from ml.serving.serve import run

    clock = own_clock(settings)
    config = serving_config(settings, f"http://{host}:{port}", clock=clock or utc_now, people_header=people_header)
    run(replace(config, note=SIMULATED if clock else ""), host, port)


def shown_reports(settings: Settings) -> Path | None:
    """Return the folder of pages that the service shows; none in production, where it answers clinical systems only."""
    return None if settings.environment is Environment.PRODUCTION else settings.reports


def report_address(settings: Settings, report: Path) -> str | None:
    """Return where a browser finds a report while the service runs where it runs by default; None where it has none."""
    if shown_reports(settings) is None:
        return None
    return f"http://{HOST}:{SERVICE_PORT}/reports/{report.relative_to(settings.reports).as_posix()}"


def _require_free(host: str, port: int) -> None:
    """Raise `PortTaken` unless something may listen there: said here in a sentence, not by the web server."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise PortTaken(
            f"The service cannot listen at {host}, port {port} ({error.strerror}); name another with --host or --port."
        ) from error
