"""Homes to serve from."""

import importlib.util
import sys
from pathlib import Path

import pytest

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
