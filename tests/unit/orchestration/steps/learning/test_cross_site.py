"""Which visits of other sites a model is judged on: later ones, without a card, where it learned nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from evaluation.evidence import Evidence
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.steps.learning import cross_site
from orchestration.steps.learning.cross_site import validate_across_sites
from orchestration.steps.learning.overrides import visits_with_card
from orchestration.steps.learning.stores import CandidateRecord, save_candidate
from orchestration.steps.warehouse.tables import TablesError, current_snapshot
from tests.unit.orchestration.steps.conftest import NOON
from tests.unit.orchestration.steps.learning.test_overrides import COLUMNS, card
from tests.unit.orchestration.steps.test_slo import publish

Record = Callable[..., CandidateRecord]
TRIAGE = load_use_case("triage")
OXYGEN = next(one for one in TRIAGE.features if one.name == "oxygen_saturation")
DAYS = (-30, -1, 0, 1, 30, 89)
AS_OF = NOON + timedelta(days=90)


def visits(site: str, days: Sequence[int] = DAYS, oxygen: float | None = 90.0) -> pa.Table:
    """Eight visits on each day from the end of the training, half with every outcome; settled two days after."""
    arrived = [NOON + timedelta(days=day) for day in days for _ in range(8)]
    n = len(arrived)
    clocks = {"arrived_at": 0, "known_at": 0, "labels_known_at": 2}
    columns = {
        name: pa.array([one + timedelta(days=late) for one in arrived], pa.timestamp("us", tz="UTC"))
        for name, late in clocks.items()
    }
    columns |= {one.label_column: pa.array([row % 2 == 0 for row in range(n)]) for one in TRIAGE.outcomes}
    return pa.table(
        {
            "site": [site] * n,
            "visit_occurrence_id": list(range(n)),
            "visit_key": [f"{site}{row}" for row in range(n)],
            "is_eligible": [True] * n,
            TRIAGE.practice.column: pa.array([3] * n),
            OXYGEN.name: pa.array([oxygen] * n, pa.float64()),
            **columns,
        }
    )


def scores(table: pa.Table) -> dict[str, np.ndarray]:
    return {one.name: np.linspace(0.1, 0.9, table.num_rows) for one in TRIAGE.outcomes}


@pytest.fixture
def validate(settings: Settings, record: Record, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Evidence]:
    """Judges the city's candidate on marts; `shown` are the keys of visits with a card, `shifted` sites."""
    model = SimpleNamespace(site="city", features=(OXYGEN,), predict=scores)
    monkeypatch.setattr("ml.training.bundle.load_bundle", lambda *_: model)
    monkeypatch.setattr(cross_site, "keep_evidence", lambda *_: None)
    monkeypatch.setattr(cross_site, "current_snapshot", lambda *_: None)

    def validate(
        *marts: pa.Table, shown: Sequence[str] = (), shifted: Sequence[str] = (), **changes: object
    ) -> Evidence:
        mart = pa.concat_tables([visits("city"), *marts])
        snapshot = SimpleNamespace(mart=mart, as_of=AS_OF.isoformat())
        monkeypatch.setattr(cross_site, "read_snapshot", lambda *_: snapshot)
        monkeypatch.setattr(cross_site, "shifted_sites", lambda: list(shifted))
        monkeypatch.setattr(cross_site, "visits_with_card", lambda *_: pa.array(list(shown), pa.string()))
        monkeypatch.setattr(cross_site, "watched_models", lambda *_: [record(**changes)])
        return validate_across_sites(settings, "triage", "city")

    return validate


def judged(found: Evidence, site: str) -> int | None:
    return found.figures[f"critical_care.auroc.{site}"].n


def test_only_settled_visits_of_others_after_the_training_are_judged(validate: Callable[..., Evidence]) -> None:
    found = validate(visits("district"))
    assert judged(found, "district") == 3 * 8  # days 0, 1 and 30; day 89 has not settled
    assert "critical_care.auroc.city" not in found.figures
    assert found.detail["left_out"] == {}


def test_a_visit_with_a_card_is_left_out_and_counted(validate: Callable[..., Evidence]) -> None:
    found = validate(visits("district"), shown=["district16", "district25"])
    assert judged(found, "district") == 3 * 8 - 2
    assert found.detail["with_card"] == {"district": 2}


def test_a_site_that_the_model_began_at_counts_after_that_training_too(
    validate: Callable[..., Evidence], settings: Settings, record: Record
) -> None:
    until = (NOON + timedelta(days=1)).isoformat()
    save_candidate(settings, record("source", site="district", train_until=until))
    begun = {"site": "district", "model": record("source").model, "way": "boosted"}
    found = validate(visits("district"), visits("rural"), adapted_from=begun)
    assert (judged(found, "district"), judged(found, "rural")) == (2 * 8, 3 * 8)
    scratch = validate(visits("district"), adapted_from={**begun, "way": "from_scratch"})
    assert judged(scratch, "district") == 3 * 8


def test_a_model_whose_beginning_is_not_on_record_is_judged_nowhere(validate: Callable[..., Evidence]) -> None:
    begun = {"site": "district", "model": "f" * 64, "way": "boosted"}
    found = validate(visits("district"), adapted_from=begun)
    assert "not on record" in found.detail["left_out"]["district"]  # type: ignore[index,call-overload,operator]
    assert found.figures["cross_site.sites"].value == 0


@pytest.mark.parametrize(
    ("mart", "shown", "shifted", "reason"),
    [
        (visits("rural", days=(-30, -1)), [], [], "no eligible visit without a card came there after"),
        (visits("rural", days=(30,)), [f"rural{n}" for n in range(8)], [], "no eligible visit without a card"),
        (visits("rural", oxygen=None), [], [], "it does not record oxygen_saturation, which the model looks at"),
        (visits("rural", days=(89,)), [], [], "no visit there has a settled outcome of every kind yet"),
        (visits("rural"), [], ["rural"], "dates are shifted at rural"),
        (visits("rural"), [], ["city"], "dates are shifted at city"),
    ],
    ids=["earlier", "every one with a card", "not recorded", "unsettled", "shifted there", "shifted at home"],
)
def test_a_site_that_cannot_be_judged_says_why(
    validate: Callable[..., Evidence], mart: pa.Table, shown: list[str], shifted: list[str], reason: str
) -> None:
    found = validate(mart, shown=shown, shifted=shifted)
    assert reason in found.detail["left_out"]["rural"]  # type: ignore[index,call-overload,operator]
    assert (found.figures["cross_site.sites"].value, found.figures["cross_site.sites"].n) == (0, 1)


def test_a_home_of_one_site_has_evidence_that_there_is_no_other(validate: Callable[..., Evidence]) -> None:
    found = validate()
    assert (found.figures["cross_site.sites"].value, found.figures["cross_site.sites"].n) == (0, 0)


def test_a_later_end_of_training_moves_what_is_judged(validate: Callable[..., Evidence]) -> None:
    later = datetime.isoformat(NOON + timedelta(days=1, microseconds=1))
    assert judged(validate(visits("district"), test_from=later), "district") == 8


def test_the_cards_are_those_of_the_use_case_at_the_site_whoever_showed_them(settings: Settings) -> None:
    cards = [card(1, "accepted", "ED"), card(1, "ignored", "ED", release="b" * 64), card(2, "waiting", "ED")]
    publish(settings, COLUMNS, card_response=[*cards, card(3, "accepted", "ED", site="rural")])
    assert sorted(visits_with_card(current_snapshot(settings), TRIAGE, "city").to_pylist()) == ["v1", "v2"]
    assert len(visits_with_card(current_snapshot(settings), load_use_case("appointments"), "city")) == 0


def test_cards_of_a_snapshot_of_before_are_not_taken_for_none(settings: Settings) -> None:
    publish(settings, {"triage_mart": COLUMNS["triage_mart"]})
    with pytest.raises(TablesError, match="has no table card_response"):
        visits_with_card(current_snapshot(settings), TRIAGE, "city")
