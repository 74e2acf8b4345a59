import numpy as np

from orchestration.simulator.catalogue import load_catalogue
from orchestration.simulator.chance import opaque_id, stream
from orchestration.simulator.clock import DAY, HOUR
from orchestration.simulator.population import make_population, pick_arrivals
from orchestration.simulator.profiles import PROFILES

from .conftest import START

NOW = 1_700_000_000


def people(site: str = "rural"):
    return make_population(PROFILES[site], load_catalogue(), START, 1)


def test_nobody_is_picked_twice_dead_or_already_here():
    found = people()
    found.is_dead[::2] = True
    found.is_here[1::4] = True
    picked = pick_arrivals(found, 500, NOW, stream(1, "rural", "test"))
    assert len(set(picked.tolist())) == 500
    assert not found.is_dead[picked].any() and not found.is_here[picked].any()


def test_those_seen_within_three_days_come_back_more_often():
    found = people()
    found.weight[:] = 1.0
    found.left_at[:1000] = NOW - 71 * HOUR
    found.left_at[1000:2000] = NOW - 73 * HOUR
    picked = np.concatenate([pick_arrivals(found, 100, NOW, np.random.default_rng(n)) for n in range(200)])
    recent, earlier = (picked < 1000).sum(), ((picked >= 1000) & (picked < 2000)).sum()
    assert recent > 1.7 * earlier


def test_a_few_people_come_much_more_often_than_most():
    weight = np.sort(people("city").weight)[::-1]
    assert weight[: len(weight) // 10].sum() > 0.25 * weight.sum()


def test_what_is_charted_is_had_and_not_everything_had_is_charted():
    found = people()
    assert not (found.charted & ~found.conditions).any()
    assert 0.1 < found.charted.sum() / found.conditions.sum() < 0.9


def test_lasting_conditions_are_commoner_in_the_old():
    found = people("city")
    ages = found.ages(np.arange(found.size), START)
    counts = found.conditions.sum(axis=1)
    assert counts[ages > 75].mean() > 5 * counts[(ages > 18) & (ages < 35)].mean() > 0


def test_nobody_is_born_after_the_start_and_few_are_very_old():
    ages = people("city").ages(np.arange(people("city").size), START)
    assert ages.min() >= 0 and ages.max() < 104


def test_identifiers_are_opaque_and_differ_by_seed_site_kind_and_number():
    ids = {
        opaque_id(s, site, kind, n) for s in (1, 2) for site in ("city", "rural") for kind in ("a", "b") for n in (1, 2)
    }
    assert len(ids) == 16
    assert all(len(identity) == 20 for identity in ids)


def test_streams_of_other_days_and_purposes_are_independent():
    draws = {
        float(stream(1, "city", purpose, day).random())
        for purpose in ("a", "b")
        for day in (None, START, START.replace(day=START.day + 1))
    }
    assert len(draws) == 6
    assert DAY == 86_400
