"""Cutting ahead: the same pieces in the same order, each while the one before is worked on."""

from collections.abc import Iterator
from contextlib import closing
from threading import Event, current_thread

import pytest

from orchestration.feeds.ahead import Coming, ahead
from orchestration.feeds.pieces import Broken

PATIENCE = 10


def test_what_is_cut_ahead_comes_in_its_order_and_to_its_end() -> None:
    assert list(ahead(iter(range(50)), "cutting")) == list(range(50))
    assert list(ahead(iter([0, None, ""]), "cutting")) == [0, None, ""]
    assert list(ahead(iter(()), "cutting")) == []


def test_the_next_is_cut_while_one_is_worked_on_and_no_more_than_that() -> None:
    begun, cut = [Event() for _ in range(4)], list[str]()

    def cutting() -> Iterator[int]:
        for n, event in enumerate(begun):
            cut.append(current_thread().name)
            event.set()
            yield n

    with closing(ahead(cutting(), "cutting")) as coming:
        assert next(coming) == 0
        assert begun[1].wait(PATIENCE)
        assert next(coming) == 1
        assert begun[2].wait(PATIENCE)
        assert not begun[3].wait(0.05)
    assert len(set(cut)) == 1 and current_thread().name not in cut


def test_what_cutting_raises_comes_after_what_was_whole() -> None:
    def cutting() -> Iterator[int]:
        yield 1
        raise Broken

    with closing(ahead(cutting(), "cutting")) as coming:
        assert next(coming) == 1
        with pytest.raises(Broken):
            next(coming)


def test_whoever_stops_early_waits_for_the_thread_that_still_reads() -> None:
    read = Event()

    def cutting() -> Iterator[int]:
        yield 1
        read.set()
        yield 2

    with closing(ahead(cutting(), "cutting")) as coming:
        assert next(coming) == 1
    assert read.is_set()


def test_what_comes_can_be_looked_at_before_it_is_taken() -> None:
    coming = Coming(range(6))
    assert next(coming) == 0
    assert coming.ahead(2) == [1, 2]
    assert next(coming) == 1
    assert coming.ahead(3) == [2, 3, 4]
    assert coming.ahead(1) == [2]
    assert list(coming) == [2, 3, 4, 5]
    assert coming.ahead(2) == []


def test_what_making_raises_comes_when_it_is_taken_and_not_when_it_is_looked_at() -> None:
    def making() -> Iterator[int]:
        yield 1
        yield 2
        raise Broken

    coming = Coming(making())
    assert coming.ahead(16) == coming.ahead(16) == [1, 2]
    assert [next(coming), next(coming)] == [1, 2]
    assert coming.ahead(16) == []
    with pytest.raises(Broken):
        next(coming)
    assert list(coming) == []
