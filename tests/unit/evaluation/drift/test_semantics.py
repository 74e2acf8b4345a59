"""A change of meaning is told when it is too large for chance and large enough to matter; else nothing is."""

import numpy as np
import pytest

from evaluation.drift.conversions import CONVERSIONS, likely_conversion
from evaluation.drift.semantic_policy import KINDS, load_semantic_policy
from evaluation.drift.semantics import Finding, LabelSample, ShareCount, ValueSample, find_changes
from evaluation.drift.verdict import DriftInputError

POLICY = load_semantic_policy()


def share(
    kind: str, before: int, after: int, total: tuple[int, int] = (4000, 1000), category: str = "new"
) -> ShareCount:
    return ShareCount(kind, "a_table", "a_column", "", category, before, after, *total)  # type: ignore[arg-type]


def values(before: np.ndarray, after: np.ndarray, *, is_series: bool = False) -> ValueSample:
    return ValueSample("a_table", "value", "2345-7", "mg/dL", before, after, is_series)


def changes(*given: ShareCount | ValueSample | LabelSample) -> list[Finding]:
    kinds = ([g for g in given if isinstance(g, kind)] for kind in (ShareCount, ValueSample, LabelSample))
    return find_changes(*kinds, POLICY)


class TestShares:
    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "unlisted"])
    def test_what_was_never_seen_and_is_frequent_is_new(self, kind: str) -> None:
        [found] = changes(share(kind, 0, 300))
        assert found.kind == f"{kind}_new" and "is new" in found.sentence

    def test_what_vanished_is_gone(self) -> None:
        [found] = changes(share("code", 400, 0))
        assert found.kind == "code_gone"

    def test_a_new_code_below_the_share_of_the_policy_is_none(self) -> None:
        assert changes(share("code", 0, 9)) == []
        assert [one.kind for one in changes(share("code", 0, 10))] == ["code_new"]

    def test_a_busy_week_is_no_change_of_meaning(self) -> None:
        """Half as many again: beyond chance, and no multiple."""
        assert changes(share("code", 800, 300)) == []
        assert [one.kind for one in changes(share("code", 400, 260))] == ["code_moved"]

    @pytest.mark.parametrize("total", [(199, 1000), (4000, 199)])
    def test_too_few_visits_say_nothing(self, total: tuple[int, int]) -> None:
        assert changes(share("code", 0, 100, total)) == []

    def test_a_code_that_was_split_names_its_heirs(self) -> None:
        found = changes(
            share("code", 400, 0, category="E11"),
            share("code", 0, 60, category="E11.1"),
            share("code", 0, 45, category="E11.2"),
        )
        [split] = [one for one in found if one.kind == "code_split"]
        assert split.sentence.endswith("It seems split into E11.1, E11.2.")

    def test_a_code_that_was_replaced_names_its_heir(self) -> None:
        found = changes(share("code", 400, 0, category="A"), share("code", 0, 100, category="B"))
        assert next(one for one in found if one.kind == "code_split").sentence.endswith("It is now B.")

    def test_a_new_code_beside_a_smaller_loss_is_no_split(self) -> None:
        found = changes(share("code", 400, 0, category="A"), share("code", 0, 400, category="B"))
        assert {one.kind for one in found} == {"code_gone", "code_new"}


class TestValues:
    DRAW = np.random.default_rng(3)
    GLUCOSE = DRAW.lognormal(np.log(110), 0.3, 2000)

    def test_a_swapped_unit_is_found_and_its_conversion_named(self) -> None:
        [found] = changes(values(self.GLUCOSE[:1500], self.GLUCOSE[1500:] / 18.016))
        assert found.kind == "values_moved" and "mg/dL to mmol/L (glucose" in found.sentence

    def test_a_unit_swapped_at_one_of_three_analysers_is_found(self) -> None:
        after = self.GLUCOSE[1500:].copy()
        after[::3] /= 18.016
        assert [one.kind for one in changes(values(self.GLUCOSE[:1500], after))] == ["values_moved"]

    def test_a_small_shift_is_case_mix(self) -> None:
        assert changes(values(self.GLUCOSE[:1500], self.GLUCOSE[1500:] * 1.08)) == []

    def test_too_few_values_say_nothing(self) -> None:
        assert changes(values(self.GLUCOSE[:1500], self.GLUCOSE[1500:1559] / 18)) == []
        assert len(changes(values(self.GLUCOSE[:1500], self.GLUCOSE[1500:1560] / 18))) == 1

    def test_a_constant_that_became_another_is_found(self) -> None:
        assert len(changes(values(np.full(100, 1.0), np.full(100, 2.0)))) == 1
        assert changes(values(np.full(100, 1.0), np.full(100, 1.0))) == []

    def test_a_count_of_a_ward_moves_only_when_every_day_says_so(self) -> None:
        usual = self.DRAW.normal(30, 4, 28)
        assert changes(values(usual, usual[:7] * 1.3, is_series=True)) == []
        assert [one.kind for one in changes(values(usual, usual[:7] * 2, is_series=True))] == ["values_moved"]

    @pytest.mark.parametrize("conversion", CONVERSIONS, ids=lambda one: one.name)
    def test_every_conversion_is_told_from_having_none(self, conversion) -> None:
        converted = conversion.convert(self.GLUCOSE)
        assert likely_conversion(self.GLUCOSE, converted) != ""
        assert likely_conversion(self.GLUCOSE, self.GLUCOSE * 1.02) == ""


class TestLabels:
    STEADY = np.linspace(0.2, 0.24, 28)

    def label(self, levels, days_after=STEADY[::4]) -> LabelSample:
        return LabelSample("triage_mart", "triage_level", levels, self.STEADY, np.asarray(days_after))

    def test_levels_that_stay_say_nothing(self) -> None:
        levels = {"2": ((800, 400), (200, 101)), "3": ((2400, 480), (600, 118))}
        assert changes(self.label(levels)) == []

    def test_a_level_whose_patients_fare_otherwise_means_something_else(self) -> None:
        levels = {"2": ((800, 400), (500, 120)), "3": ((2400, 480), (300, 92))}
        found = {one.kind for one in changes(self.label(levels))}
        assert found == {"label_outcome", "label_moved"}

    def test_levels_that_move_with_admissions_are_other_patients_and_no_finding(self) -> None:
        levels = {"2": ((800, 400), (500, 250)), "3": ((2400, 480), (300, 60))}
        assert changes(self.label(levels)) == []

    def test_admissions_that_no_longer_follow_the_beds_are_found(self) -> None:
        levels = {"3": ((2400, 480), (600, 118))}
        assert [one.kind for one in changes(self.label(levels, np.full(7, 0.5)))] == ["label_workload"]
        assert changes(self.label(levels, np.full(4, 0.5))) == []


@pytest.mark.parametrize("seed", range(8))
def test_a_hospital_that_did_not_change_opens_nothing(seed: int) -> None:
    """Null runs: a thousand codes and words with the same shares, and fifty analytes with the same distributions."""
    draw = np.random.default_rng(seed)
    rates = draw.beta(0.4, 12, 1000)
    counts = [
        share("code", int(draw.binomial(4000, rate)), int(draw.binomial(1000, rate)), category=str(n))
        for n, rate in enumerate(rates)
    ]
    samples = [values(draw.lognormal(4, 0.4, 800), draw.lognormal(4, 0.4, 200)) for _ in range(50)]
    assert changes(*counts, *samples) == []


def test_a_policy_that_nobody_answers_for_is_refused(tmp_path) -> None:
    from evaluation.drift.semantic_policy import FILE

    path = tmp_path / "semantics.yaml"
    path.write_text(FILE.read_text("utf-8").replace("  default: clinical_informatics_lead\n", ""), "utf-8")
    with pytest.raises(DriftInputError, match="name a default"):
        load_semantic_policy(path)
    path.write_text("a: [", "utf-8")
    with pytest.raises(DriftInputError, match="cannot be read as YAML"):
        load_semantic_policy(path)
