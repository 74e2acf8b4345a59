"""Too few records and fields that are no longer filled are told beyond the spread of days; a busy week is not."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from evaluation.drift.changes import Comparisons
from evaluation.drift.daily_counts import Tried, compare_spans, since, widened
from evaluation.drift.semantic_policy import FILE, load_semantic_policy
from evaluation.drift.semantics import FillingSample, Finding, ShareCount, ValueSample, VolumeSample, find_changes
from evaluation.drift.shares import two_proportions
from evaluation.drift.verdict import DriftInputError
from evaluation.drift.volume import of_clumps

POLICY = load_semantic_policy()
DAYS = tuple(date(2026, 1, 5) + timedelta(days=n) for n in range(34))
IS_AFTER = np.arange(34) >= 28
WEEKLY = np.array([1.2, 1.1, 1.0, 1.0, 1.0, 0.8, 0.7])[np.arange(34) % 7]


def volume(counts: np.ndarray, visits: np.ndarray | None = None, item: str = "") -> VolumeSample:
    per = "visits" if visits is not None else ""
    hung = np.ones(len(DAYS)) if visits is None else visits
    return VolumeSample("readings", item, per, DAYS, IS_AFTER, counts.astype(float), hung.astype(float))


def filling(filled: np.ndarray, visits: np.ndarray, outcome: str = "") -> FillingSample:
    return FillingSample("stays", "disposition", outcome, DAYS, IS_AFTER, filled.astype(float), visits.astype(float))


def changes(*samples: VolumeSample | FillingSample) -> list[Finding]:
    volumes = [one for one in samples if isinstance(one, VolumeSample)]
    fillings = [one for one in samples if isinstance(one, FillingSample)]
    return find_changes((), (), (), POLICY, (), volumes, fillings)


def last(counts: np.ndarray, days: int, factor: float) -> np.ndarray:
    changed = counts.astype(float)
    changed[-days:] *= factor
    return changed


class TestVolume:
    DRAW = np.random.default_rng(5)
    VISITS = DRAW.negative_binomial(50, 50 / (50 + 80 * WEEKLY))
    READINGS = DRAW.poisson(20 * VISITS)

    @pytest.mark.parametrize("days", [1, 3, 6])
    def test_half_of_the_readings_of_each_visit_are_missed_from_the_first_day_on(self, days: int) -> None:
        [found] = changes(volume(last(self.READINGS, days, 0.5), self.VISITS))
        assert found.kind == "volume_less"
        assert found.subject == "readings.records volume_less for each visit of visits"
        assert f"since {DAYS[-days]}" in found.sentence and "for as many visits of visits" in found.sentence

    def test_a_week_with_half_the_visits_brings_half_the_readings_and_is_no_loss_of_readings(self) -> None:
        halved = last(self.VISITS, 6, 0.5).round()
        assert changes(volume(self.DRAW.poisson(20 * halved), halved)) == []

    def test_a_quiet_weekday_is_held_against_its_like(self) -> None:
        counts = self.DRAW.poisson(400 * np.array([1, 1, 1, 1, 1, 0.3, 0.2])[np.arange(35) % 7])[:34]
        assert DAYS[-1].weekday() == 5
        assert changes(volume(counts)) == []
        assert changes(volume(last(counts, 1, 0.3)))[0].kind == "volume_less"

    def test_the_bound_itself(self) -> None:
        steady = np.full(34, 14_000.0)
        assert changes(volume(last(steady, 6, 1 / 1.39))) == []
        assert [one.kind for one in changes(volume(last(steady, 6, 1 / 1.41)))] == ["volume_less"]
        assert changes(volume(last(steady, 6, 1.39))) == []
        assert [one.kind for one in changes(volume(last(steady, 6, 1.41)))] == ["volume_more"]

    def test_a_table_that_does_not_come_at_all_is_the_largest_loss(self) -> None:
        [found] = changes(volume(last(self.READINGS, 3, 0.0)))
        assert found.after == "0"

    def test_too_few_records_say_nothing(self) -> None:
        few = np.full(34, 29.0)
        assert changes(volume(last(few, 1, 0.0))) == []
        assert len(changes(volume(last(few + 1, 1, 0.0)))) == 1

    def test_days_that_always_differ_widely_say_little(self) -> None:
        batches = np.where(np.arange(34) % 5 == 0, 900.0, 40.0)
        assert changes(volume(batches)) == []

    def test_too_few_days_before_say_nothing(self) -> None:
        days = DAYS[-19:]  # thirteen days before
        sample = VolumeSample("readings", "", "", days, np.arange(19) >= 13, np.full(19, 400.0), np.ones(19))
        halved = VolumeSample("readings", "", "", days, sample.is_after, last(sample.counts, 6, 0.1), sample.visits)
        assert changes(halved) == []

    def test_days_that_resemble_each_other_widen_a_sum_of_days(self) -> None:
        waves = np.sin(np.arange(40) / 4)
        assert widened(waves, 6) > 3
        assert widened(waves, 1) == 1.0
        assert widened(np.tile([1.0, -1.0], 20), 6) == 1.0
        assert widened(np.zeros(5), 6) == 1.0

    def test_a_day_without_any_of_a_few_patients_with_a_dozen_results_each_is_chance(self) -> None:
        draw = np.random.default_rng(3)
        patients = draw.poisson(5, 34)
        patients[-1] = 0
        results = np.array([draw.integers(5, 20, n).sum() for n in patients])
        assert results[:-1].mean() > POLICY.volume.at_least and changes(volume(results)) == []

    def test_clumps_of_one_record_are_the_exact_binomial(self) -> None:
        exact = 2 * binom.cdf(3, 3 + 40, 10 / 50)
        assert of_clumps(3, 10, 40, 1.0) == pytest.approx(exact)
        assert of_clumps(21, 10, 40, 1.0) == pytest.approx(2 * binom.sf(20, 21 + 40, 10 / 50))
        assert of_clumps(36, 120, 480, 12.0) == pytest.approx(exact)
        assert of_clumps(0, 0, 0, 1.0) == 1.0

    def test_what_never_came_before_is_told_once_it_comes(self) -> None:
        assert [one.kind for one in changes(volume(np.where(np.arange(34) >= 33, 40.0, 0.0)))] == ["volume_more"]


class TestFilling:
    STAYS = np.full(34, 100.0)

    @pytest.mark.parametrize("days", [1, 3, 6])
    def test_a_field_that_is_no_longer_filled_is_found(self, days: int) -> None:
        [found] = changes(filling(last(self.STAYS * 0.7, days, 0.0), self.STAYS))
        assert found.kind == "field_gone" and found.subject == "stays.disposition field_gone"
        assert f"since {DAYS[-days]}" in found.sentence and "70.0% before" in found.sentence

    def test_an_outcome_is_named(self) -> None:
        [found] = changes(filling(last(self.STAYS * 0.05, 6, 0.0), self.STAYS, "death"))
        assert found.kind == "outcome_gone" and "death came about in 0 of" in found.sentence

    def test_a_quarter_of_all_visits_less_is_found_and_no_less(self) -> None:
        assert [one.kind for one in changes(filling(last(self.STAYS * 0.8, 6, 0.55 / 0.8), self.STAYS))] == [
            "field_less"
        ]
        assert changes(filling(last(self.STAYS * 0.8, 6, 0.56 / 0.8), self.STAYS)) == []

    def test_one_day_of_other_visits_is_no_field_that_is_filled_less_often(self) -> None:
        for days in (1, 3):
            assert changes(filling(last(self.STAYS * 0.7, days, 0.45), self.STAYS)) == []

    def test_what_is_too_rare_to_be_missed_is_not_told(self) -> None:
        deaths = np.tile([1.0, 0.0], 17)
        assert changes(filling(last(deaths, 6, 0.0), self.STAYS)) == []

    def test_a_dozen_that_should_have_come_are_missed(self) -> None:
        assert [one.kind for one in changes(filling(last(np.full(34, 2.0), 6, 0.0), self.STAYS))] == ["field_gone"]

    def test_a_field_that_begins_to_be_filled_is_none(self) -> None:
        assert changes(filling(last(self.STAYS * 0.1, 6, 9.0), self.STAYS)) == []
        assert changes(filling(np.where(IS_AFTER, 90.0, 0.0), self.STAYS)) == []

    def test_too_few_visits_say_nothing(self) -> None:
        few = np.full(34, 3.0)
        assert changes(filling(last(few, 6, 0.0), few)) == []
        more = np.full(34, 4.0)
        assert len(changes(filling(last(more, 6, 0.0), more))) == 1

    def test_days_on_which_a_field_comes_in_batches_tell_less(self) -> None:
        batches = np.where(np.arange(34) % 9 == 0, 90.0, 0.0)
        assert changes(filling(np.where(IS_AFTER, 0.0, batches), self.STAYS)) == []


class TestSubjects:
    """Each is put before a reviewer by itself, and left alone once it waits for an answer or was accepted."""

    STEADY = np.full(34, 400.0)

    def test_more_of_one_category_fewer_of_another_and_for_each_visit_are_matters_of_their_own(self) -> None:
        halved, doubled = last(self.STEADY, 6, 0.5), last(self.STEADY, 6, 2.0)
        samples = [volume(halved), volume(halved, self.STEADY), volume(halved, item="vital-signs")]
        samples += [volume(doubled, item="survey"), volume(halved, item="survey")]
        assert {one.subject for one in changes(*samples)} == {
            "readings.records volume_less",
            "readings.records volume_less for each visit of visits",
            "readings.records volume_less of vital-signs",
            "readings.records volume_more of survey",
            "readings.records volume_less of survey",
        }

    def test_a_column_and_each_of_its_outcomes_are_matters_of_their_own(self) -> None:
        gone, stays = last(self.STEADY * 0.5, 6, 0.0), self.STEADY
        found = changes(filling(gone, stays), filling(gone, stays, "death"), filling(gone, stays, "disposition"))
        column = "stays.disposition"
        assert {one.subject for one in found} == {
            f"{column} field_gone",
            f"{column} outcome_gone of death",
            f"{column} outcome_gone of disposition",
        }

    def test_who_knows_that_an_outcome_is_gone_knows_that_it_is_less_and_not_the_other_way(self) -> None:
        often, stays = self.STEADY * 0.8, self.STEADY
        [less] = changes(filling(last(often, 6, 0.5), stays, "death"))
        [gone] = changes(filling(last(often, 6, 0.0), stays, "death"))
        assert less.subjects == (less.subject, gone.subject) and less.subject != gone.subject
        assert gone.subjects == (gone.subject,)

    def test_optional_fields_that_are_as_they_were_hide_no_code(self) -> None:
        code = ShareCount("code", "readings", "code", "", "new", 0, 12, 1000, 1000)
        same = [filling(self.STEADY * 0.5, self.STEADY) for _ in range(2000)]
        [found] = find_changes([code], (), (), POLICY, (), (), same)
        assert found.kind == "code_new" and found.p_value == pytest.approx(two_proportions(code))


def test_a_subject_is_one_comparison_however_many_spans_are_tried() -> None:
    compared = Comparisons()
    compare_spans([Tried(0.01, None), None, Tried(0.2, None)], compared)
    compare_spans([Tried(0.6, None), Tried(0.9, None)], compared)
    compare_spans([None, None], compared)
    assert (compared.p_values, compared.found) == ([0.02, 1.0], [None, None])


def test_since_is_the_first_of_the_days_in_a_row() -> None:
    assert since(DAYS[:4], [True, False, True, True]) == DAYS[2]
    assert since(DAYS[:4], [True, True, True, True]) == DAYS[0]
    assert since(DAYS[:4], [True, True, True, False]) == DAYS[3]


@pytest.mark.parametrize("seed", range(12))
def test_a_hospital_that_did_not_change_opens_nothing(seed: int) -> None:
    """Null runs: busy and quiet days, of which each takes half over from the one before."""
    draw = np.random.default_rng(seed)
    samples: list[VolumeSample | FillingSample] = []
    for _ in range(30):
        mood = np.zeros(34)
        for n in range(34):
            mood[n] = 0.5 * mood[n - 1] + draw.normal(0, 0.12)
        visits = draw.poisson(80 * WEEKLY * np.exp(mood)) + 1
        readings = draw.poisson(15 * visits * np.exp(draw.normal(0, 0.06, 34)))
        samples += [volume(readings), volume(readings, visits)]
        samples += [filling(draw.binomial(visits, share), visits) for share in draw.beta(0.5, 0.5, 3)]
    assert changes(*samples) == []


def test_records_for_each_visit_of_a_table_that_is_not_watched_are_refused(tmp_path) -> None:
    path = tmp_path / "semantics.yaml"
    path.write_text(FILE.read_text("utf-8").replace("per: hl7v2_adt", "per: hl7v2_adx"), "utf-8")
    with pytest.raises(DriftInputError, match="hl7v2_adx"):
        load_semantic_policy(path)


@pytest.mark.parametrize("counts", [(0, 4, 1800, 250), (9, 0, 1000, 300), (990, 250, 1000, 260), (3, 3, 400, 400)])
def test_shares_of_few_visits_are_judged_exactly(counts: tuple[int, int, int, int]) -> None:
    before, after, before_total, after_total = counts
    drawn = hypergeom(before_total + after_total, before + after, after_total)
    tails = float(drawn.cdf(after)), float(drawn.sf(after - 1))
    assert two_proportions(ShareCount("word", "notes", "words", "", "lbp", *counts)) == pytest.approx(
        min(1.0, 2 * min(tails))
    )


def test_four_visits_with_one_word_among_thousands_are_chance() -> None:
    words = [ShareCount("word", "notes", "words", "", f"word {n}", 20, 3, 1800, 250) for n in range(3000)]
    new = ShareCount("word", "notes", "words", "", "lbp", 0, 4, 1800, 250)
    assert find_changes([*words, new], (), (), POLICY) == []


def test_the_looks_of_a_year_share_out_what_a_year_is_allowed() -> None:
    feeds = len(POLICY.feeds)
    of_year = POLICY.meaning_rate * 52 * feeds + POLICY.flow_rate * 365 * feeds
    assert of_year == pytest.approx(POLICY.false_reviews.a_year) and POLICY.false_reviews.a_year <= 1


def test_a_ward_that_empties_day_by_day_is_no_other_count_and_one_that_halves_at_once_is() -> None:
    after = np.linspace(9, 7, 7)
    assert series(np.linspace(18, 12, 28), after) == []
    assert [one.kind for one in series(15 + 3 * np.sin(7.0 * np.arange(28) ** 2), after)] == ["values_moved"]


def series(before: np.ndarray, after: np.ndarray) -> list[Finding]:
    return find_changes((), [ValueSample("census", "occupied", "ICU", "", before, after, is_series=True)], (), POLICY)
