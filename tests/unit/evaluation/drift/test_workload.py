"""A label that no longer means workload is told though it is given as often as before; else nothing is."""

import numpy as np
import pytest

from evaluation.drift.pair_policy import Pair
from evaluation.drift.semantic_policy import FILE, load_semantic_policy
from evaluation.drift.semantics import Finding, PairSample, ShareCount, find_changes
from evaluation.drift.verdict import DriftInputError

POLICY = load_semantic_policy()
STAY = POLICY.pairs.named("triage_level_and_emergency_stay")
ROLE = POLICY.pairs.named("role_and_occupied_beds")
LEVELS = np.asarray(["2", "3", "4", "5"])
HOURS = {"2": 5.0, "3": 4.6, "4": 3.9, "5": 3.2}


USUAL = (0.15, 0.4, 0.3, 0.15)


def visits(
    draw: np.random.Generator, days: int, a_day: int = 60, longer: float = 1.0, mix: tuple[float, ...] = USUAL
) -> PairSample:
    """Stays that follow the level, on days some of which are slow for everybody."""
    size = days * a_day
    levels = draw.choice(LEVELS, size, p=mix)
    of_day = np.repeat(np.arange(days), a_day)
    busy = draw.normal(0, 0.15, days)[of_day]
    stays = longer * np.exp([HOURS[str(level)] for level in levels] + busy + draw.normal(0, 0.6, size))
    return PairSample(levels, stays, of_day, np.full(size, ""), np.zeros(size))


def told(pair: Pair, before: PairSample, after: PairSample) -> list[Finding]:
    return find_changes([], [], [], POLICY, [(pair, before, after)])


def relabelled(sample: PairSample, levels: np.ndarray) -> PairSample:
    return PairSample(levels, sample.workload, sample.days, sample.within, sample.counts)


def test_levels_given_to_others_are_found_though_each_is_given_as_often() -> None:
    draw = np.random.default_rng(1)
    before, after = visits(draw, 28), visits(draw, 7)
    shuffled = relabelled(after, draw.permutation(after.levels))
    found = told(STAY, before, shuffled)
    assert {(one.kind, one.item) for one in found} == {("label_rank", level) for level in ("2", "4", "5")}
    assert {one.subject for one in found} == {"fhir_observation.value_number against triage_level_and_emergency_stay"}
    assert "5 stands for more work than before" in next(one.sentence for one in found if one.item == "5")


def test_a_week_in_which_everything_takes_twice_as_long_is_no_change_of_the_label() -> None:
    draw = np.random.default_rng(2)
    assert told(STAY, visits(draw, 28), visits(draw, 7, longer=2.0)) == []


@pytest.mark.parametrize("mix", [(0.55, 0.35, 0.05, 0.05), (0.05, 0.05, 0.2, 0.7)])
def test_a_week_of_sicker_or_lighter_patients_is_no_change_of_the_label(mix: tuple[float, ...]) -> None:
    """Among the visits of its own week a level would rank lower where there are more of the heavier ones."""
    draw = np.random.default_rng(6)
    assert told(STAY, visits(draw, 28, a_day=150), visits(draw, 7, a_day=150, mix=mix)) == []


def test_levels_given_to_others_in_a_week_of_another_mix_are_found_all_the_same() -> None:
    draw = np.random.default_rng(7)
    after = visits(draw, 7, mix=(0.4, 0.35, 0.15, 0.1))
    found = told(STAY, visits(draw, 28), relabelled(after, draw.permutation(after.levels)))
    assert {"2", "5"} <= {one.item for one in found} and {one.kind for one in found} == {"label_rank"}


def test_a_week_in_which_one_unit_closed_most_beds_is_no_change_of_the_label() -> None:
    """Levels differ in one unit and not in the other: where a level is given is no part of what it means."""
    draw = np.random.default_rng(8)

    def stays(sizes: dict[str, int]) -> PairSample:
        units = np.repeat(list(sizes), list(sizes.values()))
        levels = draw.choice(["2", "5"], units.size)
        longer = np.where((units == "ED") & (levels == "2"), 2.0, 0.0)
        rest = (np.arange(units.size) % 7, units, np.zeros(units.size))
        return PairSample(levels, draw.normal(longer, 1.0), *rest)

    before = stays({"ED": 600, "MED": 60})
    assert told(STAY, before, stays({"ED": 40, "MED": 600})) == []
    turned = stays({"ED": 600, "MED": 40})
    swapped = relabelled(turned, np.where(turned.levels == "2", "5", "2"))
    assert {one.item for one in told(STAY, before, swapped)} == {"2", "5"}


def test_two_levels_that_changed_places_are_found_inside_of_a_unit_only() -> None:
    """Nights of one unit are longer than days of another: only ranks within a unit see that the codes were swapped."""
    pair = POLICY.pairs.named("shift_and_nurse_hours")
    draw = np.random.default_rng(3)

    def staffing(days: int) -> PairSample:
        units, shifts = np.meshgrid(["ED", "MED", "ICU", "SUR"], ["day", "evening", "night"])
        units, shifts = np.tile(units.ravel(), days), np.tile(shifts.ravel(), days)
        level = {"ED": 40, "MED": 100, "ICU": 50, "SUR": 40}
        hours = np.asarray([level[str(u)] * (0.7 if s == "night" else 1) for u, s in zip(units, shifts, strict=True)])
        days_of = np.repeat(np.arange(days), 12)
        return PairSample(shifts, hours * draw.normal(1, 0.1, hours.size), days_of, units, np.zeros(hours.size))

    after = staffing(7)
    swapped = np.where(after.levels == "day", "night", np.where(after.levels == "night", "day", after.levels))
    assert told(pair, staffing(28), after) == []
    assert {one.item for one in told(pair, staffing(28), relabelled(after, swapped))} == {"day", "night"}


def test_too_few_visits_of_a_level_say_nothing() -> None:
    before, fewest = visits(np.random.default_rng(4), 28), POLICY.pairs.rule.fewest

    def of(size: int) -> PairSample:
        """As many visits of level 2 as of level 5, and all of 5 longer than all of 2."""
        stays = np.concatenate([np.linspace(10, 20, size), np.linspace(200, 300, size)])
        rest = (np.arange(2 * size) % 7, np.full(2 * size, ""), np.zeros(2 * size))
        return PairSample(np.repeat(["2", "5"], size), stays, *rest)

    assert told(STAY, before, of(fewest - 1)) == []
    assert {one.item for one in told(STAY, before, of(fewest))} == {"2", "5"}


def days(draw: np.random.Generator, count: int, rate: float) -> PairSample:
    beds = draw.normal(100, 6, count)
    counted = np.rint(rate * beds * draw.normal(1, 0.05, count))
    return PairSample(np.full(count, "RN"), counted / beds, np.arange(count), np.full(count, ""), counted)


def test_a_role_that_took_in_others_is_found_by_its_count_for_each_bed() -> None:
    draw = np.random.default_rng(5)
    assert told(ROLE, days(draw, 28, 0.7), days(draw, 7, 0.75)) == []
    [found] = told(ROLE, days(draw, 28, 0.7), days(draw, 7, 1.1))
    assert (found.kind, found.item) == ("label_rate", "RN")
    assert told(ROLE, days(draw, 28, 0.7), days(draw, POLICY.pairs.rule.fewest_days - 1, 1.1)) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_label_that_means_what_it_meant_opens_nothing(seed: int) -> None:
    draw = np.random.default_rng(seed)
    assert told(STAY, visits(draw, 28, a_day=25), visits(draw, 7, a_day=25)) == []
    assert told(ROLE, days(draw, 28, 0.7), days(draw, 7, 0.7)) == []


def slow_days(draw: np.random.Generator) -> tuple[PairSample, PairSample]:
    """Four weeks and one of a count that drifts from day to day as beds fill and empty, and means what it meant."""
    level = [0.0]
    for step in draw.normal(0, 0.15, 34):
        level.append(0.9 * level[-1] + step)
    rates = 0.7 * np.exp(level)
    weeks = (slice(0, 28), slice(28, 35))
    first, last = (
        PairSample(
            np.full(rates[one].size, "RN"),
            rates[one],
            np.arange(35)[one],
            np.full(rates[one].size, ""),
            100 * rates[one],
        )
        for one in weeks
    )
    return first, last


def test_days_that_follow_each_other_slowly_are_few_independent_ones() -> None:
    """Far slower days than a ward's: by ranks alone 17 of these 300 would be told."""
    assert sum(bool(told(ROLE, *slow_days(np.random.default_rng(seed)))) for seed in range(300)) <= 6


def test_chance_is_judged_over_everything_that_was_compared() -> None:
    """The same change is less sure beside thousands of comparisons that say nothing."""
    draw = np.random.default_rng(14)
    before, after = visits(draw, 28), visits(draw, 7)
    shuffled = relabelled(after, draw.permutation(after.levels))
    silent = [ShareCount("code", "t", "c", "", str(n), 400, 100, 4000, 1000) for n in range(5000)]
    alone = {one.item: one.p_value for one in told(STAY, before, shuffled)}
    beside = {one.item: one.p_value for one in find_changes(silent, [], [], POLICY, [(STAY, before, shuffled)])}
    assert set(beside) <= set(alone) and "5" in beside
    assert beside["5"] > 100 * alone["5"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("feed: x12_837\n      each", "feed: x12\n      each", "x12 is not among the feeds"),
        ("column: rn_hours, per: census", "per: census", "the workload of a visit is a column, or the time"),
        ("column: role_code, day: shift_date", "column: role_code", "say in which column"),
    ],
)
def test_a_pair_that_cannot_be_compared_is_refused(tmp_path, old: str, new: str, said: str) -> None:
    path = tmp_path / "semantics.yaml"
    assert old in FILE.read_text("utf-8")
    path.write_text(FILE.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(DriftInputError, match=said):
        load_semantic_policy(path)
