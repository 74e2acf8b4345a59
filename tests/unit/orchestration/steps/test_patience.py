"""A lock that is waited for, but not for ever."""

import fcntl
import time
from pathlib import Path

from orchestration.steps.locks import exclusive
from orchestration.steps.patience import held_within


def test_a_free_lock_is_held_at_once_and_keeps_others_out(tmp_path: Path) -> None:
    with held_within(tmp_path, "release", 0) as held, held_within(tmp_path, "release", 0.05) as other:
        assert (held, other) == (True, False)
    with held_within(tmp_path, "release", 0) as again:
        assert again


def test_it_is_the_same_lock_that_others_wait_for(tmp_path: Path) -> None:
    with exclusive(tmp_path, "release"), held_within(tmp_path, "release", 0) as held:
        assert not held


def test_waiting_ends_when_the_time_is_up_and_the_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    with (tmp_path / "locks" / "release.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        started = time.monotonic()
        with held_within(tmp_path, "release", 0.2) as held:
            assert not held and 0.2 <= time.monotonic() - started < 5


def test_where_there_is_no_home_there_is_nothing_to_hold_and_nothing_is_made(tmp_path: Path) -> None:
    with held_within(tmp_path / "home", "release", 0) as held:
        assert not held
    assert not (tmp_path / "home").exists()
