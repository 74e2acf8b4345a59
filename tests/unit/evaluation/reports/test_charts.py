"""Geometry of the small charts."""

import pytest

from evaluation.reports.charts import HEIGHT, WIDTH, calibration_chart, decision_chart, score_chart


def pairs(line):
    return [tuple(map(float, point.split(","))) for point in line.points.split()]


@pytest.fixture
def documents(model):
    site = model.use_cases[0].sites[0]
    return {kind: site.evidence_of(kind) for kind in ("calibration", "net_benefit", "drift")}


def test_every_point_lies_inside_the_picture(documents):
    charts = [
        calibration_chart(documents["calibration"], "critical_care"),
        decision_chart(documents["net_benefit"], "critical_care"),
        score_chart(documents["calibration"], "critical_care"),
    ]
    for chart in charts:
        points = [point for line in chart.lines for point in pairs(line)]
        points += [(bar.x + bar.width, bar.y + bar.height) for bar in (*chart.bars, *chart.whiskers)]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
        assert all(chart.left <= tick.at <= chart.right for tick in chart.x_ticks)
        assert 2 <= len(chart.y_ticks) <= 7


def test_a_higher_share_is_drawn_higher_and_a_bar_in_proportion(documents):
    chart = score_chart(documents["calibration"], "critical_care")
    shares = documents["calibration"].detail["score_shares"]["critical_care"]
    heights = [bar.height for bar in chart.bars]
    assert len(heights) == len(shares)
    assert heights[0] / heights[1] == pytest.approx(shares[0] / shares[1], rel=0.1)


def test_calibration_dots_follow_the_curve(documents):
    chart = calibration_chart(documents["calibration"], "critical_care")
    assert len(chart.dots) == len(documents["calibration"].detail["curve"]["critical_care"])
    assert [x for x, _ in chart.dots] == sorted(x for x, _ in chart.dots)


def test_decision_curve_names_its_rivals(documents):
    chart = decision_chart(documents["net_benefit"], "critical_care")
    assert [line.label for line in chart.lines] == ["Flag nobody", "Flag everybody", "Current practice", "Model"]


@pytest.mark.parametrize("draw", [calibration_chart, decision_chart, score_chart])
def test_a_document_without_a_curve_gives_no_chart(documents, draw):
    assert draw(documents["drift"], "critical_care") is None
    assert draw(documents["calibration"], "another_outcome") is None
