"""Shifts by segment: effects against closed forms, chance over all of a look, and an alarm that needs all three."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from evaluation.drift.causes import causes_of
from evaluation.drift.comparison import CONSTANT_MOVED
from evaluation.drift.segments import Look, Shift, adjusted_over_all, judge_look
from evaluation.drift.tallies import (
    WHOLE,
    Watched,
    read_reference,
    reference_bytes,
    tally_current,
    tally_reference,
)
from evaluation.drift.verdict import DriftInputError
from evaluation.drift.watch_policy import FILE, WatchPolicy, load_watch_policy
from tests.benchmarks.bench_drift import STATED, null_and_power

POLICY = load_watch_policy()
NUMBER, WORD, FLAG = (
    Watched("x", "numeric", feed="ehr"),
    Watched("c", "categorical", feed="ehr"),
    Watched("b", "boolean"),
)
DAYS = 28


def days_of(n: int) -> np.ndarray:
    return np.sort(np.arange(n) % DAYS)


def look(
    old: dict[str, object], new: dict[str, object], watched: tuple[Watched, ...], by: tuple[str, ...] = ()
) -> Look:
    before, after = pa.table(old), pa.table(new)
    reference = tally_reference(before, days_of(before.num_rows), watched, by)
    return judge_look([(reference, tally_current(reference, after, days_of(after.num_rows)))], POLICY)


def of(found: Look, column: str, segment: tuple[str, str] = WHOLE) -> Shift:
    return next(one for one in found.shifts if (one.watched.name, one.segment) == (column, segment))


def normal(n: int, seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n) + mean


@pytest.mark.parametrize("moved", [-0.5, 0.3, 1.0])
def test_effects_are_those_of_two_normal_distributions(moved: float) -> None:
    found = of(look({"x": normal(100_000, 1)}, {"x": normal(100_000, 2, moved)}, (NUMBER,)), "x")
    assert found.mean_moved == pytest.approx(moved, abs=0.02)
    exact = math.sqrt(_divergence_of_normals(moved))
    assert found.shape_moved == pytest.approx(exact, rel=0.06)  # deciles lose a little of it
    assert found.shape_moved < exact
    assert found.is_alarm


def _divergence_of_normals(moved: float) -> float:
    at = np.linspace(-10, 10, 20_001)
    p, q = (np.exp(-((at - m) ** 2) / 2) / math.sqrt(2 * math.pi) for m in (0.0, moved))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.nansum(one * np.log2(one / ((p + q) / 2))) for one in (p, q)]
    return float(sum(parts) / 2 * (at[1] - at[0]))


def test_the_effect_of_a_share_is_austins() -> None:
    old, new = [True] * 200 + [False] * 800, [True] * 300 + [False] * 700
    mixed = {n: {"b": np.random.default_rng(n).permutation(v)} for n, v in enumerate((old, new))}
    moved = of(look(mixed[0], mixed[1], (FLAG,)), "b").mean_moved
    assert moved == pytest.approx(0.1 / math.sqrt((0.16 + 0.21) / 2), abs=0.001)


def without(x: np.ndarray, share: float, seed: int) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(x.size) < share, np.nan, x)


@pytest.mark.parametrize(("share", "is_alarm"), [(0.3, True), (0.05, False)])
def test_that_values_are_missing_is_a_figure_of_its_own(share: float, is_alarm: bool) -> None:
    found = of(look({"x": normal(4000, 1)}, {"x": without(normal(4000, 2), share, 3)}, (NUMBER,)), "x")
    assert found.missing_moved == pytest.approx(share, abs=0.02)
    assert found.mean_moved is not None and abs(found.mean_moved) < 0.1
    assert found.shape_moved is not None and found.shape_moved < 0.05
    assert (found.missing_q_value < 0.001, found.is_alarm) == (True, is_alarm)


def test_what_is_missing_has_no_mean_and_few_values_have_none_either() -> None:
    """A unit that stopped to send a value, and one that sends it now and then: neither moved by standard deviations."""
    unit = np.repeat(["ED", "MED", "ICU"], 400)
    rows = np.random.default_rng(1).permutation(unit.size)
    old = {"x": np.tile(normal(400, 2) / 100 + 90, 3)[rows], "unit": unit[rows]}
    new = {"x": np.tile(normal(400, 3) / 100 + 90, 3)[rows], "unit": unit[rows]}
    new["x"][new["unit"] == "MED"] = np.nan
    rare = np.flatnonzero(new["unit"] == "ICU")
    new["x"][rare[1:]], new["x"][rare[0]] = np.nan, 7.0
    found = look(old, new, (NUMBER,), ("unit",))
    for silent in ("MED", "ICU"):
        shift = of(found, "x", ("unit", silent))
        assert (shift.mean_moved, shift.shape_moved, shift.stability_index) == (None, None, None)
        assert shift.is_alarm  # of what is missing
    assert found.too_few == 2
    still = of(found, "x", ("unit", "ED")).mean_moved
    assert still is not None and abs(still) < 0.2


def test_a_category_that_nobody_knew_moves_the_shape() -> None:
    draw = np.random.default_rng(3)
    old, new = draw.choice(["a", "b"], 2000), draw.choice(["a", "b", "new"], 2000)
    found = of(look({"c": old}, {"c": new}, (WORD,)), "c")
    assert found.mean_moved is None
    assert found.is_alarm
    assert found.shape_moved > 0.3


def test_many_rare_categories_that_did_not_move_are_judged_together_and_never_surely() -> None:
    """Of fifty equal ones in 200 rows, four rows are expected of each: too few for any of them."""
    p_values = list[float]()
    for seed in range(60):
        draw = np.random.default_rng(seed)
        p_values.append(
            of(look({"c": draw.integers(0, 50, 2000)}, {"c": draw.integers(0, 50, 200)}, (WORD,)), "c").p_value
        )
    assert min(p_values) > 0.01 / len(p_values)
    assert np.mean(np.array(p_values) < 0.1) <= 0.2


def test_rare_categories_that_all_became_another_are_an_alarm() -> None:
    draw = np.random.default_rng(5)
    new = np.where(draw.random(400) < 0.5, 0, draw.integers(0, 50, 400))
    assert of(look({"c": draw.integers(0, 50, 400)}, {"c": new}, (WORD,)), "c").is_alarm


def test_a_shift_of_one_part_is_alarmed_about_there_and_not_elsewhere() -> None:
    draw = np.random.default_rng(4)
    n = 20_000
    shift = draw.choice(["day", "night"], n, p=[0.97, 0.03])
    x = normal(n, 5) + (shift == "night") * 0.9
    found = look({"x": normal(n, 6), "shift": draw.permutation(shift)}, {"x": x, "shift": shift}, (NUMBER,), ("shift",))
    assert [one.segment for one in found.alarms] == [("shift", "night")]


@pytest.mark.parametrize(("rows", "is_judged"), [(199, False), (200, True)])
def test_a_segment_needs_its_fewest_rows_on_either_side(rows: int, is_judged: bool) -> None:
    for old, new in ((rows, 5000), (5000, rows)):
        found = look({"x": normal(old, 7)}, {"x": normal(new, 8, 3.0)}, (NUMBER,))
        assert (len(found.alarms), found.too_few) == ((1, 0) if is_judged else (0, 1))


def test_a_shift_that_is_sure_and_small_is_no_alarm() -> None:
    found = of(look({"x": normal(200_000, 9)}, {"x": normal(200_000, 10, 0.1)}, (NUMBER,)), "x")
    assert found.q_value < 1e-6  # as sure as the few weeks of a window can make it, by Student's t
    assert not found.is_alarm


def test_days_on_which_everybody_is_alike_are_not_taken_for_many_visits() -> None:
    """Fifty visits of a day that are all the same tell as little as one; taken for fifty they would be beyond doubt."""
    alarms = 0
    for seed in range(20):
        draw = np.random.default_rng(seed)
        old, new = (np.repeat(draw.standard_normal(DAYS), 50) for _ in range(2))
        alarms += len(look({"x": old}, {"x": new}, (NUMBER,)).alarms)
    assert alarms <= 2


def test_beds_that_stay_full_for_days_are_not_taken_for_many_days() -> None:
    """Patients lie for days: a month that was fuller than the last happens where nothing does."""
    moved, alarms = 0, 0
    for seed in range(20):
        draw = np.random.default_rng(seed)
        begin, end = (bounds := draw.uniform(-60, 90, 1500)), bounds + draw.exponential(5, 1500)
        at = np.arange(90 * 3) / 3
        census = ((begin[:, None] <= at) & (end[:, None] > at)).sum(axis=0).astype(float)
        days = np.arange(at.size) // 3
        reference = tally_reference(pa.table({"x": census[:186]}), days[:186], (NUMBER,), ())
        current = tally_current(reference, pa.table({"x": census[186:]}), days[186:])
        policy = POLICY.model_copy(update={"fewest_rows": POLICY.fewest_rows.model_copy(update={"rows": 80})})
        found = judge_look([(reference, current)], policy)
        moved += abs(of(found, "x").mean_moved or 0) > policy.effects.mean_moved
        alarms += len(found.alarms)
    assert moved > 10
    assert alarms <= 2


def test_chance_is_held_down_over_all_and_for_any_dependence() -> None:
    p = [0.0001, 0.01, 0.02, 0.8]
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert adjusted_over_all(p, "benjamini_yekutieli")[0] == pytest.approx(0.0001 * 4 * harmonic)
    assert adjusted_over_all(p, "benjamini_hochberg")[0] == pytest.approx(0.0004)
    assert adjusted_over_all([], "benjamini_yekutieli") == []


def test_more_comparisons_make_the_same_shift_less_sure() -> None:
    old, new = {"x": normal(400, 11)}, {"x": normal(400, 12, 0.35)}
    more = {f"y{n}": Watched(f"y{n}", "numeric") for n in range(60)}
    still = {name: normal(400, 100 + n) for n, name in enumerate(more)}
    alone = of(look(old, new, (NUMBER,)), "x")
    among = of(look({**old, **still}, {**new, **still}, (NUMBER, *more.values())), "x")
    assert alone.p_value == among.p_value
    assert alone.q_value < among.q_value


def shift(name: str, role: str, feed: str, where: tuple[str, str] = WHOLE, mean: float = 0.5) -> Shift:
    watched = Watched(name, "numeric", role, feed)  # type: ignore[arg-type]
    return Shift(watched, where, 900, 800, mean, 0.2, 0.1, 0, 0, q_value=1e-8, is_alarm=True)


def test_alarms_of_a_feed_are_one_cause_and_the_score_follows_every_feed() -> None:
    alarms = [
        shift("heart_rate", "feature", "ehr_fhir", mean=0.9),
        shift("pain", "feature", "ehr_fhir", ("shift", "night")),
        shift("booked", "feature", "appointments"),
        shift("score", "score", ""),
        shift("admission", "label", ""),
    ]
    causes = causes_of(alarms)
    assert [one.key for one in causes] == ["feed-appointments", "feed-ehr_fhir", "label-admission"]
    assert causes[0].columns == ("booked", "score")
    assert causes[1].columns == ("heart_rate", "pain", "score")
    assert "heart_rate, pain, score moved at the whole site and in 1 of its parts" in causes[1].sentence
    assert [one.key for one in causes_of([alarms[3]])] == ["score-score"]
    assert causes_of([]) == ()


def test_a_score_that_moved_among_other_rows_than_the_features_did_is_a_cause_of_its_own() -> None:
    pain = shift("pain", "feature", "ehr_fhir", ("shift", "night"))
    keys = {
        where: [one.key for one in causes_of([pain, shift("score", "score", "", where)])]
        for where in (("shift", "night"), ("shift", "day"), ("unit", "ED"), WHOLE)
    }
    assert keys.pop(("shift", "day")) == ["feed-ehr_fhir", "score-score"]
    assert set(map(tuple, keys.values())) == {("feed-ehr_fhir",)}


def test_what_is_missing_is_told_without_a_mean_that_nobody_has() -> None:
    gone = replace(shift("pain", "feature", "ehr_fhir"), mean_moved=None, shape_moved=None, missing_after=0.9)
    (cause,) = causes_of([replace(gone, q_value=1.0, missing_q_value=1e-8)])
    assert "Most: pain (whole site): missing 0 % before and 90 % now, 800 rows against 900, q 1e-08." in cause.sentence


def test_a_kept_reference_gives_the_same_look() -> None:
    draw = np.random.default_rng(13)
    old = pa.table({"x": normal(3000, 14), "c": draw.choice(["a", "b"], 3000), "unit": ["ED", "MED", None] * 1000})
    new = pa.table({"x": normal(2000, 15, 0.4), "c": draw.choice(["a", "b"], 2000), "unit": ["ED", "MED"] * 1000})
    reference = tally_reference(old, days_of(3000), (NUMBER, WORD), ("unit",), is_standing=True)
    kept = read_reference(reference_bytes(reference))
    assert (kept.watched, kept.segments) == (reference.watched, reference.segments)
    assert kept.is_standing
    looks = [judge_look([(one, tally_current(one, new, days_of(2000)))], POLICY) for one in (reference, kept)]
    assert looks[0] == looks[1]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x93NUMPY"])
def test_a_kept_reference_that_is_damaged_is_refused(content: bytes) -> None:
    with pytest.raises(DriftInputError, match="counted anew"):
        read_reference(content)


@pytest.mark.parametrize(
    ("column", "moved"),
    [([1.0] * 400, 0.0), ([0.0] * 390 + [5.0] * 10, 0.0), ([None] * 400, None), ([float("inf")] * 400, None)],
)
def test_columns_without_spread_are_compared_without_a_word(column: list[float | None], moved: float | None) -> None:
    """What holds no number at all has no shape that could move."""
    table: dict[str, object] = {"x": pa.array(column, pa.float64())}
    found = of(look(table, table, (NUMBER,)), "x")
    assert (found.shape_moved, found.is_alarm) == (moved, False)


def test_a_constant_that_changed_is_an_alarm() -> None:
    found = of(look({"x": [1.0] * 400}, {"x": [2.0] * 400}, (NUMBER,)), "x")
    assert found.is_alarm
    assert found.shape_moved > 0.9


def test_a_flag_that_nobody_of_a_group_has_has_not_moved_there() -> None:
    """Means are taken from a number near the values: what rounding leaves of that is no shift of a constant."""
    group = np.tile(["young", "old"], 450)
    old, new = (
        {"b": (group == "old") & (np.random.default_rng(n).random(group.size) < share), "group": group}
        for n, share in enumerate((0.31, 0.33))
    )
    found = look({name: values[:700] for name, values in old.items()}, new, (FLAG,), ("group",))
    assert of(found, "b", ("group", "young")).mean_moved == 0.0


def test_a_constant_of_one_group_that_changed_moved_by_no_more_than_any_constant_does() -> None:
    group = np.tile(["young", "old"], 300)
    old, new = ({"x": np.where(group == "young", constant, normal(600, 3)), "group": group} for constant in (0.7, 0.9))
    assert of(look(old, new, (NUMBER,), ("group",)), "x", ("group", "young")).mean_moved == CONSTANT_MOVED


def test_a_column_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(DriftInputError, match="column x is not among"):
        look({"y": [1.0]}, {"y": [1.0]}, (NUMBER,))


@pytest.mark.parametrize(
    ("wanted", "put"),
    [
        ("rate: 0.01", "rate: 1.5"),
        ("mean_moved: 0.2", "mean_moved: -1"),
        ("owner:", "owners:"),
        ("rows: 200", "rows: 2"),
    ],
)
def test_a_policy_that_cannot_be_held_to_is_refused(tmp_path: Path, wanted: str, put: str) -> None:
    text = FILE.read_text()
    assert wanted in text
    (tmp_path / "watch.yaml").write_text(text.replace(wanted, put, 1))
    with pytest.raises(DriftInputError, match=r"watch\.yaml: "):
        load_watch_policy(tmp_path / "watch.yaml")


def test_the_policy_says_who_why_and_since_when() -> None:
    assert isinstance(POLICY, WatchPolicy)
    assert POLICY.owner
    assert POLICY.date.year >= 2026
    assert "any dependence" in POLICY.false_discovery.rationale


def test_a_quarter_of_nothing_is_quiet_and_stated_shifts_are_found() -> None:
    """The fast side of `tests/benchmarks/bench_drift.py`, which says it of years."""
    found = null_and_power(sites=1, seed=3, days=84)
    assert found["false_alarms"] == 0
    seen = [days is not None for name in STATED for days in found["found"][name]]
    assert len(seen) == len(STATED)
    assert sum(seen) >= 0.8 * len(seen)
