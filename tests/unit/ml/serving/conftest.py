"""Homes to serve from, and event stores of both kinds."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from ml.serving.tables import metadata

_PATH = Path(__file__).parents[4] / "tests/unit/ml/serving/homes.py"
if "serving_homes" not in sys.modules:
    _spec = importlib.util.spec_from_file_location("serving_homes", _PATH)
    assert _spec is not None and _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["serving_homes"] = _module
    _spec.loader.exec_module(_module)

from serving_homes import Home  # noqa: E402


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home with a release key."""
    return Home.at(tmp_path)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param(
            "postgres",
            marks=pytest.mark.xdist_group("event store in postgres"),  # one database, made and dropped by each test
        ),
    ]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store of each kind, empty."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'events.db'}"
        return
    postgres = os.environ.get("PILOTHOUSE_TEST_POSTGRES_URL")
    if not postgres:
        pytest.skip("PILOTHOUSE_TEST_POSTGRES_URL is not set")
    engine = create_engine(make_url(postgres).set(drivername="postgresql+psycopg"))
    metadata.drop_all(engine)
    yield engine.url.render_as_string(hide_password=False)
    metadata.drop_all(engine)
    engine.dispose()
