"""One scrubber for all tests of notes: loading the model takes two seconds."""

import pytest

from orchestration.feeds.notes.scrubber import Scrubber


@pytest.fixture(scope="session")
def scrubber() -> Scrubber:
    return Scrubber.load()
