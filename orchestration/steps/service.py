"""Running the service over this home, and where its pages are found.

What does not belong here: what the service answers (ml/serving), and running it beside others (user_interfaces).
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ml.serving.config import ServingConfig, SiteContext, utc_now
from orchestration.settings import Environment, Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.keys import site_key

HOST, SERVICE_PORT = "127.0.0.1", 8088


def serving_config(
    settings: Settings, base_url: str, *, home: Path | None = None, clock: Callable[[], datetime] = utc_now
) -> ServingConfig:
    """Return the service's configuration: every site's time zone and pseudonym key, over this home or a scratch one."""
    sites = {
        site.id: SiteContext(timezone=site.timezone, pseudonym_key=site_key(settings, site), name=site.name)
        for site in map(load_site, list_sites())
    }
    return ServingConfig(
        home=home or settings.home,
        sites=sites,
        environment=settings.environment.value,
        events_url=settings.events_url if home is None else None,
        base_url=base_url,
        reports=shown_reports(settings) if home is None else None,
        clock=clock,
    )


def run_service(settings: Settings, host: str, port: int) -> None:
    """Serve verified releases until interrupted."""
    from ml.serving.serve import run

    run(serving_config(settings, f"http://{host}:{port}"), host, port)


def shown_reports(settings: Settings) -> Path | None:
    """Return the folder of pages that the service shows; none in production, where it answers clinical systems only."""
    return None if settings.environment is Environment.PRODUCTION else settings.reports


def report_address(settings: Settings, report: Path) -> str | None:
    """Return where a browser finds a report while the service runs where it runs by default; None where it has none."""
    if shown_reports(settings) is None:
        return None
    return f"http://{HOST}:{SERVICE_PORT}/reports/{report.relative_to(settings.reports).as_posix()}"
