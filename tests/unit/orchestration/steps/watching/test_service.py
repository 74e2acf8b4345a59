"""Running the service: a port that is taken is a sentence; the tier that answers is read without waiting."""

import socket
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ml.registry.manifest import Scope
from ml.serving import ServingRefused
from ml.serving.app import create_app
from orchestration.settings import Environment, Settings
from orchestration.sites import load_site
from orchestration.steps.releases.served import ServedTierUnknown, served_tier
from orchestration.steps.watching.service import PortTaken, run_service, serving_config
from tests.unit.orchestration.steps.governed import Governed


def test_a_port_that_is_taken_is_said_before_anything_starts(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}"):
            run_service(settings, "127.0.0.1", port)


@pytest.mark.parametrize("host", ["no such host", "256.0.0.1", "203.0.113.1"])
def test_an_address_that_is_not_here_is_said(settings: Settings, host: str) -> None:
    with pytest.raises(PortTaken, match="name another with --host"):
        run_service(settings, host, 8088)


def test_before_anything_was_served_the_pointers_tier_answers_and_no_store_is_made(city: Governed) -> None:
    assert city.pointer is not None and served_tier(city.settings, city.pointer) == "model"
    assert not (city.settings.home / "events.db").exists()


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "postgresql+psycopg://nobody@127.0.0.1:1/none"])
def test_an_event_store_that_does_not_answer_is_said_and_not_waited_for(city: Governed, url: str) -> None:
    settings = Settings(**{**vars(city.settings), "events_url": url})
    assert city.pointer is not None
    with pytest.raises(ServedTierUnknown, match="cannot be read"):
        served_tier(settings, city.pointer)


def test_the_service_knows_where_each_use_case_may_speak_and_a_rehearsal_speaks_everywhere(
    settings: Settings, tmp_path: Path
) -> None:
    launch = serving_config(settings, "http://x").sites["city"].launch
    assert (launch["triage"], launch["staffing"], launch["roster"]) == (
        Scope(units=("ED",)),
        Scope(),
        Scope(units=("SUR",)),
    )
    assert launch["appointments"] == Scope(), "what is scored is in no unit"
    assert not serving_config(settings, "http://rehearsal", home=tmp_path).sites["city"].launch


@pytest.mark.parametrize("site", ["city", "pbj", "wards"])
def test_the_service_tells_shifts_apart_as_the_sites_file_does(settings: Settings, site: str) -> None:
    place, hours = load_site(site), serving_config(settings, "http://x").sites[site].hours
    assert str(hours.zone) == place.timezone
    for minute in range(0, 24 * 60, 30):
        at = datetime(2026, 1, 5, minute // 60, minute % 60, tzinfo=ZoneInfo(place.timezone))
        expected = place.shift_at(at.time())
        assert hours.shift_of(at) == (expected and expected.id)


@pytest.mark.parametrize("environment", [Environment.VALIDATION, Environment.PRODUCTION])
def test_outside_development_a_rehearsal_needs_no_clients_and_the_service_does(
    settings: Settings, tmp_path: Path, environment: Environment
) -> None:
    there = replace(settings, environment=environment)
    create_app(serving_config(there, "http://rehearsal", home=tmp_path))
    with pytest.raises(ServingRefused, match=r"clients\.json"):
        create_app(serving_config(there, "http://127.0.0.1:8088"))
