"""Buckets of calls: a burst, then the rate, each caller for itself, and no more callers than fit."""

from ml.serving.rates import BURST_SECONDS, MAX_CALLERS, Rates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_the_rate_and_never_more() -> None:
    clock = Clock()
    rates = Rates(10, clock)
    assert sum(rates.wait_seconds("a") == 0 for _ in range(100)) == 10 * BURST_SECONDS
    assert rates.wait_seconds("a") == 0.1
    clock.now = 1.0
    assert sum(rates.wait_seconds("a") == 0 for _ in range(100)) == 10
    clock.now = 1e6
    assert sum(rates.wait_seconds("a") == 0 for _ in range(100)) == 10 * BURST_SECONDS


def test_callers_do_not_use_up_each_other_and_may_have_a_rate_of_their_own() -> None:
    rates = Rates(0.2, Clock())
    assert rates.wait_seconds("a") == 0
    assert rates.wait_seconds("a") == 5
    assert rates.wait_seconds("b") == 0
    assert [rates.wait_seconds("c", 0.4) for _ in range(3)] == [0, 0, 2.5]


def test_without_a_rate_nobody_waits_and_nobody_is_remembered() -> None:
    rates = Rates(None, Clock())
    assert all(rates.wait_seconds("a") == 0 for _ in range(10_000))


def test_of_more_callers_than_fit_those_that_were_quiet_longest_are_forgotten() -> None:
    rates = Rates(0.2, Clock())
    for number in range(MAX_CALLERS + 1):
        rates.wait_seconds(str(number))
    assert rates.wait_seconds("0") == 0, "forgotten, and so welcome"
    assert rates.wait_seconds(str(MAX_CALLERS)) == 5
