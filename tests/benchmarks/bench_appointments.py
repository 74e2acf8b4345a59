"""No-show risk on the simulator's clinics, beside what people have today; and what overbooking by it would come to.

Engineering evidence: simulated people say nothing of real ones. Rows are made from the simulator's own book by the
rules that read a request, which a parity test holds to the mart. Here belongs what is measured; `stages.py` runs it.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.metrics import calibration, performance
from evaluation.metrics.net_benefit import net_benefit
from ml.features.booking import FEATURES, BookingRules
from ml.features.vocabulary import Vocabulary
from ml.overbooking import Basis, Booking, Clinician, Room, Session, Slot
from ml.overbooking.advise import advise
from ml.overbooking.rules import standard_rules
from ml.training.backtest import backtest
from ml.usecases import load_use_case
from orchestration.sites import load_site
from tests.benchmarks.measuring import Cost
from tests.benchmarks.no_show_ceiling import best_risks
from tests.benchmarks.report import Figure
from tests.parity.bookings import bookings, outcomes

SITE, FIRST, SEED = "city", date(2026, 1, 5), 7
APPOINTMENTS = "appointments"
THRESHOLD = 0.3
TEST_SHARE, SESSIONS, SLOTS = 0.3, 40, 12
ZONE = pa.timestamp("us", tz="UTC")


def measure_appointments(days: int) -> dict[str, Any]:
    """Train on the first seven tenths of the days, test on the rest; the model and what there is today."""
    use_case, table = load_use_case("appointments"), _mart(days)
    until = datetime.combine(FIRST + timedelta(days=round(days * (1 - TEST_SHARE))), datetime.min.time(), UTC)
    as_of = datetime.combine(FIRST + timedelta(days=days), datetime.min.time(), UTC)
    started = time.perf_counter()
    done = backtest(
        use_case, table, Vocabulary((), ()), site=SITE, train_until=until, test_from=until, seed=SEED, as_of=as_of
    )
    seconds = time.perf_counter() - started
    rows = done.predictions
    y = rows["no_show_label"].cast(pa.float64()).to_numpy()
    learned = table.filter(pc.less(table["arrived_at"], pa.scalar(until, ZONE)))
    learned = learned.filter(learned["no_show"].is_valid())
    scores = {
        "model": rows["no_show_score"].to_numpy(),
        "clinic": _share_by(learned, rows, "service"),
        "last_time": _share_by(learned, rows, "missed_last"),
    }
    best = best_risks(SITE, FIRST, SEED, days)
    odds, known = np.array([best[one] for one in rows["visit_key"].to_pylist()]).T
    ceilings = {"best_of_features": known, "own_odds": odds}
    overall = {name: _figures(y, p) for name, p in (scores | ceilings).items()}
    returning = np.asarray(rows["missed_last"].is_valid())
    again = {name: performance.auroc(y[returning], p[returning]).value for name, p in (scores | ceilings).items()}
    return {
        "n_train": done.n_train,
        "n_test": len(y),
        "prevalence": float(y.mean()),
        "seconds": seconds,
        "overall": overall,
        "n_returning": int(returning.sum()),
        "returning_auroc": again,
        "overbooking": _overbooked(scores["model"], y),
    }


def _mart(days: int) -> pa.Table:
    """What the mart would hold: a row per booking, with what came of it by the last day."""
    rules, settled = BookingRules.of(FEATURES, ZoneInfo(load_site(SITE).timezone)), outcomes(SITE, FIRST, SEED, days)
    rows: list[dict[str, Any]] = []
    for place, one in enumerate(bookings(SITE, FIRST, SEED, days)):
        asked = rules.features(one.sent, datetime.fromisoformat(one.at))
        status, decided = settled.get(one.number, ("booked", one.at))
        label = {"no_show": True, "arrived": False}.get(status)
        known_at = datetime.fromisoformat(decided)
        rows.append(
            {
                "visit_occurrence_id": place,
                "visit_key": one.number,
                "site": SITE,
                "is_eligible": asked.eligible,
                "arrived_at": asked.arrived_at,
                "known_at": datetime.fromisoformat(one.at),
                "labels_known_at": None if label is None else known_at,
                "no_show": label,
                **asked.values,
            }
        )
    kinds = {
        "arrived_at": ZONE,
        "known_at": ZONE,
        "labels_known_at": ZONE,
        "no_show": pa.bool_(),
        "missed_last": pa.bool_(),
    }
    table = pa.Table.from_pylist(rows)
    return table.cast(
        pa.schema([(name, kinds.get(name, table.schema.field(name).type)) for name in table.column_names])
    )


def _share_by(learned: pa.Table, rows: pa.Table, column: str) -> np.ndarray:
    """The share of missed appointments in the training window by a column's value: what one looks up today."""
    shares: dict[object, float] = {}
    labels, values = np.array(learned["no_show"].to_pylist(), dtype=float), learned[column].to_pylist()
    for value in set(values):
        shares[value] = float(labels[[one == value for one in values]].mean())
    return np.array([shares.get(value, float(labels.mean())) for value in rows[column].to_pylist()])


def _figures(y: np.ndarray, p: np.ndarray) -> dict[str, Any]:
    ranking, slope = performance.auroc(y, p), calibration.calibration_slope(y, p)
    return {
        "auroc": [ranking.value, ranking.lower, ranking.upper],
        "brier": performance.brier(y, p).value,
        "slope": [slope.value, slope.lower, slope.upper],
        "intercept": calibration.calibration_intercept(y, p).value,
        "net_benefit": net_benefit(y, p, THRESHOLD),
        "net_benefit_at_usual": net_benefit(y, p, 0.2),
    }


def _overbooked(risks: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Sessions of tested appointments, advised by their risks; expected attendance beside who came."""
    rules, found = standard_rules(), []
    starts = datetime(2026, 4, 22, 12, tzinfo=UTC)
    room, clinician = Room("R", 2), Clinician("C", 15, 60)
    started = time.perf_counter()
    for place in range(min(SESSIONS, len(risks) // SLOTS)):
        chosen = slice(place * SLOTS, (place + 1) * SLOTS)
        slots = tuple(
            Slot(starts + timedelta(minutes=20 * n), 20 * n, 20, (Booking(risk=float(risk)),))
            for n, risk in enumerate(risks[chosen])
        )
        ends = starts + timedelta(minutes=20 * SLOTS)
        advice = advise(Session("s", "GIM", room, clinician, starts, ends, slots), rules, Basis("bench"), seed=place)
        assert advice.without is not None and advice.advised is not None
        came, expected = SLOTS - float(y[chosen].sum()), advice.without.expected.attending.mean
        found.append((sum(advice.extra), came - expected, advice.without.expected, advice.advised.expected))
    each = (time.perf_counter() - started) / len(found)
    mean: Callable[[Iterator[float]], float] = lambda values: float(np.mean(list(values)))  # noqa: E731 - said four times below
    return {
        "extra": mean(one[0] for one in found),
        "attendance_error": mean(one[1] for one in found),
        "idle_without": mean(one[2].idle for one in found),
        "idle": mean(one[3].idle for one in found),
        "waiting_without": mean(one[2].waiting_each for one in found),
        "waiting": mean(one[3].waiting_each for one in found),
        "seconds": each,
    }


def appointment_figures(cost: Cost) -> Iterator[Figure]:
    """The model beside the clinic's rate and last time's behaviour; a session beside the same without advice."""
    found = cost.result
    model, clinic, last = (found["overall"][name] for name in ("model", "clinic", "last_time"))
    name = f"no-show, {found['n_train']} learned, {found['n_test']} tested"
    yield Figure(APPOINTMENTS, f"{name}: AUROC", model["auroc"][0], "", "rate of the clinic", clinic["auroc"][0])
    yield Figure(APPOINTMENTS, "AUROC", model["auroc"][0], "", "last time's behaviour", last["auroc"][0])
    again = found["returning_auroc"]
    who = f"AUROC of {found['n_returning']} who were here"
    yield Figure(APPOINTMENTS, who, again["model"], "", "last time's behaviour", again["last_time"])
    for beside, of in (("best by its features", "best_of_features"), ("the simulator's odds", "own_odds")):
        yield Figure(APPOINTMENTS, "AUROC", model["auroc"][0], "", beside, found["overall"][of]["auroc"][0])
        yield Figure(APPOINTMENTS, who, again["model"], "", beside, again[of])
    yield Figure(APPOINTMENTS, "Brier score", model["brier"], "", "rate of the clinic", clinic["brier"])
    yield Figure(APPOINTMENTS, "calibration slope", model["slope"][0], "")
    yield Figure(APPOINTMENTS, f"net benefit at {THRESHOLD}", 1000 * model["net_benefit"], "per 1000")
    yield Figure(
        APPOINTMENTS,
        "net benefit at 0.2",
        1000 * model["net_benefit_at_usual"],
        "per 1000",
        "rate of the clinic",
        1000 * clinic["net_benefit_at_usual"],
    )
    session = found["overbooking"]
    yield Figure(
        APPOINTMENTS,
        f"session, {session['extra']:.2f} extra: idle",
        session["idle"],
        "min",
        "none",
        session["idle_without"],
    )
    yield Figure(APPOINTMENTS, "  waiting each", session["waiting"], "min", "none", session["waiting_without"])
    yield Figure(APPOINTMENTS, "  came less expected", session["attendance_error"], "people")
    yield Figure(APPOINTMENTS, "  seconds to advise", session["seconds"], "s")
