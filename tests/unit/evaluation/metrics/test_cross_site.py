"""A model at other sites: which count, which is the worst, where it needs recalibration, and what has no value."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from evaluation.evidence import Evidence, EvidenceHead
from evaluation.metrics.cross_site import MIN_EVENTS, cross_site_evidence
from evaluation.metrics.performance import auroc
from evaluation.metrics.sample import CurrentPractice, LabelledScores

HEAD = EvidenceHead(
    use_case="triage",
    site="city",
    subject_model="1" * 64,
    subject_data="2" * 64,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    window={},
)


def sample(events: int, others: int = 600, *, shift: float = 0.0, spread: float = 1.0) -> LabelledScores:
    """Calibrated scores when `shift` is 0 and `spread` is 1: log odds of two normals one apart, and what came."""
    draw = np.random.default_rng(events)
    y = np.r_[np.ones(events), np.zeros(others)]
    x = draw.normal(size=y.size) + 1.5 * y
    odds = 1.5 * x - 1.5**2 / 2 + math.log(max(events, 1) / max(others, 1))
    practice = CurrentPractice(np.full(y.size, 3.0), np.zeros(y.size, dtype=bool))
    return LabelledScores(outcome="harm", y=y, p=1 / (1 + np.exp(-(spread * odds + shift))), practice=practice)


def judged(**sites: LabelledScores) -> Evidence:
    return cross_site_evidence(HEAD, {site: [one] for site, one in sites.items()}, {})


def test_the_worst_is_the_site_with_the_lowest_bound_and_every_site_is_told() -> None:
    good, bad = sample(300), sample(301)
    noise = LabelledScores(outcome="harm", y=bad.y, p=np.roll(bad.p, 250), practice=bad.practice)
    found = judged(district=good, rural=noise)
    assert found.kind == "cross_site"
    assert found.figures["cross_site.sites"].value == 2
    assert found.figures["harm.auroc.district"] == auroc(good.y, good.p)
    assert found.figures["harm.auroc.worst"] == found.figures["harm.auroc.rural"] == auroc(noise.y, noise.p)


@pytest.mark.parametrize(("events", "others", "sites"), [(99, 600, 0), (100, 600, 1), (600, 99, 0), (600, 100, 1)])
def test_a_site_counts_from_a_hundred_events_and_non_events(events: int, others: int, sites: int) -> None:
    assert MIN_EVENTS == 100
    found = judged(rural=sample(events, others))
    assert found.figures["cross_site.sites"].value == sites
    assert (found.figures["harm.auroc.worst"].value is not None) == bool(sites)
    assert (found.figures["harm.sites_to_recalibrate"].value is not None) == bool(sites)
    assert found.figures["harm.auroc.rural"].value is not None
    assert found.detail["too_few"] == (() if sites else ("rural: harm",))


def test_a_site_with_too_few_events_of_one_outcome_is_no_second_site() -> None:
    few = sample(20)
    other = LabelledScores(outcome="rare", y=few.y, p=few.p, practice=few.practice)
    found = cross_site_evidence(HEAD, {"rural": [sample(300), other]}, {"island": "no visits"}, {"rural": 7})
    assert (found.figures["cross_site.sites"].value, found.figures["cross_site.sites"].n) == (0, 2)
    assert found.figures["harm.auroc.worst"].value is not None
    assert found.figures["rare.auroc.worst"].value is None
    assert (found.detail["left_out"], found.detail["with_card"]) == ({"island": "no visits"}, {"rural": 7})


def test_slopes_on_both_sides_are_the_lowest_and_the_highest() -> None:
    found = judged(flat=sample(300, spread=0.5), steep=sample(300, spread=2.0), right=sample(300))
    assert found.figures["harm.calibration_slope.lowest"] == found.figures["harm.calibration_slope.steep"]
    assert found.figures["harm.calibration_slope.highest"] == found.figures["harm.calibration_slope.flat"]


def test_where_it_needs_recalibration_and_why() -> None:
    found = judged(high=sample(300, shift=1.0), right=sample(300), wide=sample(300, spread=2.5))
    assert (found.figures["harm.sites_to_recalibrate"].value, found.figures["harm.sites_to_recalibrate"].n) == (2, 3)
    high, wide = found.detail["recalibration"]  # type: ignore[misc]
    assert high == {"site": "high", "outcome": "harm", "why": ("its risks are too high or too low on the whole",)}
    assert wide["site"] == "wide" and "its risks are spread too wide or too narrow" in wide["why"]  # type: ignore[index,operator]


def test_a_figure_without_a_value_at_one_site_is_the_worst() -> None:
    same = sample(300)
    flat = LabelledScores(outcome="harm", y=same.y, p=np.full(same.y.size, 0.3), practice=same.practice)
    found = judged(flat=flat, right=sample(300))
    assert found.figures["harm.calibration_slope.flat"].value is None
    assert found.figures["harm.calibration_slope.lowest"].value is None
    assert "harm.calibration_slope.flat" in found.detail["not_estimable"]  # type: ignore[operator]


def test_without_another_site_there_is_evidence_that_says_so() -> None:
    found = cross_site_evidence(HEAD, {}, {})
    assert (found.figures["cross_site.sites"].value, found.figures["cross_site.sites"].n) == (0, 0)
    assert list(found.figures) == ["cross_site.sites"]
