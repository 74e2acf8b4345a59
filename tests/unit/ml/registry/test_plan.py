"""Signed plans: one line for each thing said, never replaced by an older one, never believed unsigned."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from ml.registry import PlanError, RegistryError, SignatureError
from ml.registry.plan import CURRENT, is_current, plan_folder, publish_plan, read_plan
from ml.registry.signing import Signer, new_private_key

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
RELEASE = "a" * 64


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return new_private_key(tmp_path / "keys" / "release.key.pem")


def line(median: float = 4.0, **changes: Any) -> dict[str, Any]:
    return {
        "unit": "MED",
        "date": "2026-03-02",
        "shift": "night",
        "starts_at": "2026-03-02T23:00:00-05:00",
        "ends_at": "2026-03-03T07:00:00-05:00",
        "target": "rn",
        "measure": "nurses",
        "lower": median - 1,
        "median": median,
        "upper": median + 1,
        **changes,
    }


def fields(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "use_case": "staffing",
        "site": "city",
        "issued_at": NOW.isoformat(),
        "as_of": NOW.isoformat(),
        "valid_until": (NOW + timedelta(days=1)).isoformat(),
        "release": RELEASE,
        "tier": "model",
        "tier_reason": None,
        "lines": list(lines or (line(),)),
        **changes,
    }


def test_a_plan_is_read_back_as_it_was_published(tmp_path: Path, signer: Signer) -> None:
    published = publish_plan(tmp_path, fields(), signer)
    assert read_plan(tmp_path, "staffing", "city", signer.public) == published
    assert (plan_folder(tmp_path, "staffing", "city") / f"{published.digest}.json").exists()
    assert read_plan(tmp_path, "staffing", "rural", signer.public) is None


def test_the_next_plan_says_what_the_one_before_said(tmp_path: Path, signer: Signer) -> None:
    first = publish_plan(tmp_path, fields(line(4.0)), signer)
    later = (NOW + timedelta(hours=8)).isoformat()
    second = publish_plan(tmp_path, fields(line(5.5), line(3.0, target="lpn"), issued_at=later), signer)
    assert second.previous == first.digest
    assert [(one.target, one.before) for one in second.of_unit("MED")] == [("rn", 4.0), ("lpn", None)]


def test_an_older_plan_never_replaces_a_newer_one(tmp_path: Path, signer: Signer) -> None:
    publish_plan(tmp_path, fields(), signer)
    with pytest.raises(PlanError, match="before the one in place"):
        publish_plan(tmp_path, fields(issued_at=(NOW - timedelta(minutes=1)).isoformat()), signer)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"lines": [line(), line(5.0)]}, "same unit, date, shift and target"),
        ({"lines": [line(lower=5.0, median=4.0)]}, "do not rise"),
        ({"lines": [line(median=-1.0, lower=-2.0)]}, "lines.0.lower"),
        ({"lines": [line(ends_at="2026-03-02T22:00:00-05:00")]}, "ends after it starts"),
        ({"valid_until": NOW.isoformat()}, "valid_until"),
        ({"release": "latest"}, "release"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_breaks_the_shape_is_refused_by_name(
    tmp_path: Path, signer: Signer, broken: dict[str, Any], named: str
) -> None:
    with pytest.raises(PlanError, match=named):
        publish_plan(tmp_path, {**fields(), **broken}, signer)
    assert read_plan(tmp_path, "staffing", "city", signer.public) is None


def test_a_plan_that_was_changed_by_hand_is_not_believed_and_not_replaced(tmp_path: Path, signer: Signer) -> None:
    publish_plan(tmp_path, fields(), signer)
    path = plan_folder(tmp_path, "staffing", "city") / CURRENT
    document = orjson.loads(path.read_bytes())
    document["plan"]["lines"][0]["median"] = 4.5
    path.write_bytes(orjson.dumps(document))
    with pytest.raises(SignatureError):
        read_plan(tmp_path, "staffing", "city", signer.public)
    with pytest.raises(RegistryError):
        publish_plan(tmp_path, fields(issued_at=(NOW + timedelta(hours=1)).isoformat()), signer)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"plan": 1, "signature": {}}', b"\xff"])
def test_what_is_no_plan_is_refused_with_a_sentence(tmp_path: Path, signer: Signer, content: bytes) -> None:
    publish_plan(tmp_path, fields(), signer)
    (plan_folder(tmp_path, "staffing", "city") / CURRENT).write_bytes(content)
    with pytest.raises(PlanError, match="publish it again"):
        read_plan(tmp_path, "staffing", "city", signer.public)


def test_a_plan_of_another_site_in_its_place_is_refused(tmp_path: Path, signer: Signer) -> None:
    publish_plan(tmp_path, fields(), signer)
    other = plan_folder(tmp_path, "staffing", "rural")
    other.mkdir(parents=True)
    (other / CURRENT).write_bytes((plan_folder(tmp_path, "staffing", "city") / CURRENT).read_bytes())
    with pytest.raises(PlanError, match="another site"):
        read_plan(tmp_path, "staffing", "rural", signer.public)


def test_a_plan_is_current_under_its_release_until_it_ends(tmp_path: Path, signer: Signer) -> None:
    plan = publish_plan(tmp_path, fields(), signer)
    assert is_current(plan, RELEASE, NOW) is None
    assert "another release" in (is_current(plan, "b" * 64, NOW) or "")
    assert is_current(plan, RELEASE, plan.valid_until - timedelta(microseconds=1)) is None
    assert "no newer one" in (is_current(plan, RELEASE, plan.valid_until) or "")
