"""Small homes with a real signed release of a real LightGBM model, and CDS Hooks bodies to call them with.

Shared by the unit, spec and integration tests of serving and by its benchmark; each conftest.py loads it by path.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import lightgbm as lgb
import numpy as np
import yaml
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from ml.features.vocabulary import Vocabulary
from ml.registry.canonical import document_digest
from ml.registry.layout import card_digest
from ml.registry.plan import Plan, publish_plan
from ml.registry.pointer import Pointer, publish_pointer
from ml.registry.signing import Signer, load_signer, new_private_key, write_public_key
from ml.registry.stages import Stage, Tier
from ml.registry.store import model_files, write_release
from ml.serving.app import create_app
from ml.serving.clocks import SteadyClock
from ml.serving.config import ServingConfig, SiteContext
from ml.serving.hours import WorkingShift
from ml.training.bundle import write_bundle
from ml.training.calibration import Platt
from ml.training.model import Model, OutcomeModel
from ml.usecases import load_use_case

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ARRIVED = datetime(2026, 3, 2, 11, 20, tzinfo=UTC)
SITE = "city"
TRIAGE = "triage"
KEY = bytes(range(32))
THREE_SHIFTS = tuple(
    WorkingShift(name, time(starts), time(ends))
    for name, starts, ends in (("day", 7, 15), ("evening", 15, 23), ("night", 23, 7))
)
SERVICE = "/cds-services/pilothouse-triage"

VOCABULARY = Vocabulary(
    complaint_groups=(
        ("", "negation", "", "denies"),
        ("", "negation", "", "no"),
        ("chest_pain", "code", "NHAMCS-RFV", "1050"),
        ("chest_pain", "term", "", "chest pain"),
        ("chest_pain", "term", "", "cp"),
        ("injury", "term", "", "fall"),
        ("shortness_of_breath", "term", "", "sob"),
    ),
    history_groups=(
        ("copd", "ICD-10-CM", "J44"),
        ("diabetes", "ICD-10-CM", "E11"),
        ("diabetes", "SNOMED", "44054006"),
    ),
)

CARD: dict[str, Any] = {
    "schema": "pilothouse.card/1",
    "use_case": TRIAGE,
    "outcome": "critical_care",
    "outcome_label": "critical care or death",
    "window": "during this hospital stay",
    "display_threshold": 0.10,
    "warning_threshold": 0.40,
    "bands": [{"name": "low", "below": 0.05}, {"name": "raised", "below": 0.10}, {"name": "high"}],
    "not_for": "Not for patients under 18 years.",
    "ignore_when": "Ignore it when vital signs were mistyped.",
    "override_reasons": [
        {"code": "already-acting", "system": "urn:pilothouse:override-reasons:triage", "display": "Acting on it"},
        {"code": "wrong-data", "system": "urn:pilothouse:override-reasons:triage", "display": "Data are wrong"},
    ],
    "source": {
        "label": "Pilothouse triage",
        "topic": {"system": "urn:pilothouse:topics", "code": "deterioration", "display": "Risk of deterioration"},
    },
    "suggestion": {"label": "Repeat the vital signs", "task": "Repeat the vital signs; the nurse decides"},
    "links": [{"label": "Huddle board", "url": "{base_url}/board/{site}/{unit}"}],
}

LADDER: dict[str, Any] = {
    "schema": "pilothouse.fallback/1",
    "fail": "open",
    "tiers": ["model", "reduced", "rule", "reference", "manual"],
    "budget_ms": 400,
    "reduced": {"known_in_at_least": 0.9, "rounds": 20},
    "inputs": {
        "watched": ["age_years", "heart_rate", "oxygen_saturation", "triage_level"],
        "model_needs": 3,
        "reduced_needs": 2,
        "rule_needs": 1,
        "stale_after_minutes": 720,
    },
    "steps": [
        {"signal": "failing", "share": 0.5, "of_last": 6, "to": "reduced"},
        {"signal": "inputs", "share": 0.5, "of_last": 4, "to": "reduced"},
        {"signal": "clock", "to": "rule"},
    ],
    "reference": {
        "text": "There is no score for this visit now.",
        "label": "NEWS2 guideline",
        "url": "https://guideline.example.org/news2",
    },
    "owner": "clinical_safety_lead",
    "date": "2026-11-27",
    "rationale": "A test's.",
}
LADDER_CARD: dict[str, Any] = {**CARD, "fallback": LADDER}

BOARD: dict[str, Any] = {
    "schema": "pilothouse.board/1",
    "use_case": "staffing",
    "title": "Patients and nurses to expect",
    "window": "the shifts to come",
    "targets": [
        {"target": "census", "label": "Patients", "measure": "patients"},
        {"target": "rn", "label": "Registered nurses", "measure": "nurses", "is_adjustable": True},
    ],
    "adjustment_reasons": [
        {"code": "acuity-differs", "display": "Patients are sicker or better than recorded"},
        {"code": "event-known", "display": "An event that the data cannot know"},
    ],
    "not_for": "Not for deciding on a single patient.",
    "ignore_when": "Ignore it when beds were opened or closed.",
    "source": {"label": "Pilothouse staffing"},
}


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def tiny_model(vocabulary: Vocabulary = VOCABULARY, rounds: int = 12) -> Model:
    """A model that has learned that a low oxygen saturation is dangerous."""
    use_case = load_use_case(TRIAGE)
    features = use_case.expand(vocabulary.groups())
    rng = np.random.default_rng(7)
    lows = np.array([feature.bounds[0] for feature in features])
    highs = np.array([feature.bounds[1] for feature in features])
    x = rng.uniform(lows, highs, size=(3000, len(features)))
    x[rng.uniform(size=x.shape) < 0.05] = np.nan
    names = [feature.name for feature in features]
    saturation = np.nan_to_num(x[:, names.index("oxygen_saturation")], nan=80.0)
    outcomes = {}
    for outcome, level in (("critical_care", 60.0), ("admission", 75.0)):
        y = (saturation < level) ^ (rng.uniform(size=len(x)) < 0.02)
        data = lgb.Dataset(x, y.astype(float), feature_name=names)
        parameters = {"objective": "binary", "num_leaves": 8, "verbose": -1, "seed": 7, "num_threads": 1}
        text = lgb.train({**parameters, "learning_rate": 0.3}, data, rounds).model_to_string()
        outcomes[outcome] = OutcomeModel(text, Platt(1.0, 0.0))
    return Model(
        use_case=TRIAGE,
        site=SITE,
        features=features,
        outcomes=outcomes,
        baselines={
            feature.name: {"share": 0.1} if feature.kind == "boolean" else {"median": float(middle)}
            for feature, middle in zip(features, np.nanmedian(x, axis=0), strict=True)
            if feature.levels is None
        },
        vocabulary=vocabulary,
        trained={"outcomes": {name: {"visits": 1000, "events": 40} for name in outcomes}},
        seed=7,
    )


def with_reduced(model: Model) -> Model:
    """The model with a reduced one beside it, which knows the saturation alone."""
    index = model.feature_names.index("oxygen_saturation")
    feature = model.features[index]
    rng = np.random.default_rng(11)
    x = rng.uniform(*feature.bounds, size=(500, 1))
    data = lgb.Dataset(x, (x[:, 0] < 60).astype(float), feature_name=[feature.name])
    parameters = {"objective": "binary", "num_leaves": 4, "verbose": -1, "seed": 7, "num_threads": 1}
    text = lgb.train(parameters, data, 20).model_to_string()
    outcomes = {name: OutcomeModel(text, Platt(1.0, 0.0)) for name in model.outcomes}
    baselines = {feature.name: model.baselines[feature.name]}
    return replace(model, reduced=replace(model, features=(feature,), outcomes=outcomes, baselines=baselines))


class Clocks:
    """A wall clock and the seconds that have passed, both under the test's hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.wall, self.passed = now.timestamp(), 100.0

    def steady(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.passed)


@dataclass
class Client:
    """HTTP to an application in another thread's event loop, without a socket."""

    app: FastAPI
    portal: BlockingPortal
    http: httpx.AsyncClient

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> httpx.Response:
        return self.request("POST", url, **more)

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        return self.portal.call(partial(self.http.request, method, url, **more))

    def together(self, url: str, bodies: list[Any], **more: Any) -> list[httpx.Response]:
        """POST every body at once."""

        async def gather() -> list[httpx.Response]:
            return list(await asyncio.gather(*(self.http.post(url, json=body, **more) for body in bodies)))

        return self.portal.call(gather)


@dataclass
class Home:
    """A home folder under construction."""

    path: Path
    signer: Signer
    now: datetime = NOW
    released: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, path: Path) -> "Home":
        key = path / "keys" / "release.key.pem"
        signer = load_signer(key) if key.exists() else new_private_key(key)
        write_public_key(path / "keys" / "release.pub.pem", signer.public)
        return cls(path, signer)

    def bundle(self, model: Model | None = None) -> Path:
        folder = self.path / "candidates" / str(uuid4())
        write_bundle(model or tiny_model(), folder)
        return folder

    def card(self, card: Mapping[str, Any] = CARD) -> Path:
        path = self.path / "candidates" / "card.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(dict(card)))
        return path

    def fields(self, bundle: Path, card: Mapping[str, Any] = CARD, **changes: Any) -> dict[str, Any]:
        """The manifest of a release as plain data."""
        files = model_files(bundle)
        contracts = {"ehr_fhir": {"version": "1.0.0", "sha256": digest_of("contract")}}
        fields: dict[str, Any] = {
            "schema": "pilothouse.release/1",
            "use_case": TRIAGE,
            "site": SITE,
            "stage": "decision_support",
            "created_at": "2026-03-01T00:00:00Z",
            "model": {"digest": document_digest(files), "version": "3", "run_id": "run-1", "files": files},
            "data": {"snapshot": digest_of("snapshot"), "as_of": "2026-02-28T00:00:00Z"},
            "contracts": contracts,
            "policy": {"digest": digest_of("policy")},
            "card": {"digest": card_digest(dict(card))},
            "evidence": [{"kind": "performance", "digest": digest_of("evidence")}],
            "decision": {"digest": digest_of("decision")},
            "approvals": [
                {"kind": "model", "person": "a", "role": "clinical_lead", "ledger_hash": digest_of("a")},
                {"kind": "workflow", "person": "b", "role": "nursing_lead", "ledger_hash": digest_of("b")},
            ],
            "author": "ml_engineer",
            "scope": {"units": [], "shifts": []},
            "accountable": "Head of emergency medicine",
            "fallback": {"fail": "open", "tiers": ["model", "rule", "history", "manual"]},
            "previous": None,
            **changes,
        }
        fields.setdefault(
            "subject",
            {
                "model": fields["model"]["digest"],
                "data": fields["data"]["snapshot"],
                "contracts": document_digest(contracts),
                "policy": fields["policy"]["digest"],
                "card": fields["card"]["digest"],
            },
        )
        return fields

    def release(self, card: Mapping[str, Any] = CARD, model: Model | None = None, **changes: Any) -> str:
        """Write a signed release and return its digest."""
        bundle = self.bundle(model)
        digest = write_release(self.path, self.fields(bundle, card, **changes), bundle, self.card(card), self.signer)
        self.released.append(digest)
        return digest

    def ladder_release(self, **changes: Any) -> str:
        """A release with a reduced model and a declared ladder; `changes` are of the ladder."""
        ladder = {**LADDER, **changes}
        fallback = {"fail": ladder["fail"], "tiers": ladder["tiers"]}
        return self.release({**CARD, "fallback": ladder}, with_reduced(tiny_model()), fallback=fallback)

    def point(
        self,
        release: str | None,
        stage: Stage = Stage.ASSISTIVE,
        tier: Tier = Tier.MODEL,
        rollback: str | None = None,
        site: str = SITE,
        use_case: str = TRIAGE,
    ) -> Pointer:
        """Publish the next pointer."""
        return publish_pointer(
            self.path,
            use_case=use_case,
            site=site,
            release=release,
            stage=Stage.OFF if release is None else stage,
            tier=tier,
            reason="test",
            issued_at=self.now,
            signer=self.signer,
            rollback_ledger_hash=rollback,
        )

    def plan(self, release: str, lines: list[dict[str, Any]], **changes: Any) -> Plan:
        """Publish a plan of staffing."""
        fields = {
            "use_case": "staffing",
            "site": SITE,
            "issued_at": self.now.isoformat(),
            "as_of": (self.now - timedelta(hours=1)).isoformat(),
            "valid_until": (self.now + timedelta(days=1)).isoformat(),
            "release": release,
            "tier": "model",
            "tier_reason": None,
            "lines": lines,
            **changes,
        }
        return publish_plan(self.path, fields, self.signer)

    @property
    def generation(self) -> int:
        """Of the pointer that lies there."""
        return json.loads(self.pointer_file.read_bytes())["generation"]

    @property
    def pointer_file(self) -> Path:
        return self.path / "pointers" / TRIAGE / f"{SITE}.json"

    def config(self, **changes: Any) -> ServingConfig:
        sites = {name: SiteContext("America/New_York", KEY, shifts=THREE_SHIFTS) for name in (SITE, "district")}
        changes.setdefault("planned", ("staffing",))
        settings: dict[str, Any] = {"home": self.path, "sites": sites, "clock": lambda: self.now, **changes}
        return ServingConfig(**settings)

    @contextmanager
    def serving(self, **changes: Any) -> Iterator["Client"]:
        """A running service over this home, in an event loop of its own."""
        app = create_app(self.config(**changes))
        lifespan = app.router.lifespan_context(app)
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(lifespan):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            yield Client(app, portal, httpx.AsyncClient(transport=transport, base_url="http://test"))


def observation(code: str, value: Mapping[str, Any], at: datetime = ARRIVED, **more: Any) -> dict[str, Any]:
    """One Observation of LOINC `code`."""
    return {
        "resourceType": "Observation",
        "id": str(uuid4()),
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": at.isoformat(),
        **value,
        **more,
    }


def quantity(value: float, unit: str | None) -> dict[str, Any]:
    coded = {} if unit is None else {"system": "http://unitsofmeasure.org", "code": unit, "unit": unit}
    return {"valueQuantity": {"value": value, **coded}}


def searchset(*resources: Mapping[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": dict(item)} for item in resources]}


def condition(code: str, system: str = "http://hl7.org/fhir/sid/icd-10-cm", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": str(uuid4()),
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": system, "code": code}]},
        "recordedDate": (ARRIVED - timedelta(days=400)).isoformat(),
        **more,
    }


def prefetch(saturation: float = 50.0, **changes: Any) -> dict[str, Any]:
    """An adult at triage; a saturation under 60 is what the tiny model fears."""
    at = ARRIVED + timedelta(minutes=5)
    triaged = ARRIVED + timedelta(minutes=9)
    return {
        "patient": {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1950-06-01"},
        "encounter": {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "in-progress",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
            "subject": {"reference": "Patient/p1"},
            "period": {"start": ARRIVED.isoformat()},
            "location": [
                {"location": {"reference": "Location/l1", "identifier": {"system": "urn:units", "value": "ED"}}}
            ],
        },
        "vitals": searchset(
            observation("8867-4", quantity(92, "/min"), at),
            observation("9279-1", quantity(18, "{breaths}/min"), at),
            observation("59408-5", quantity(saturation, "%"), at),
            observation("8310-5", quantity(98.6, "[degF]"), at),
            observation(
                "85354-9",
                {
                    "component": [
                        {
                            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
                            **quantity(131, "mm[Hg]"),
                        },
                        {
                            "code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]},
                            **quantity(77, "mm[Hg]"),
                        },
                    ]
                },
                at,
            ),
            observation("72514-3", {"valueInteger": 6}, at),
        ),
        "triage": searchset(
            observation("75636-1", {"valueInteger": 3}, triaged),
            observation("8661-1", {"valueString": "CP, s/p fall"}, at),
            observation(
                "11459-5",
                {"valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "44613004"}]}},
                ARRIVED,
            ),
        ),
        "conditions": searchset(condition("E11.9"), condition("J44.1")),
        **changes,
    }


def call(sent: Mapping[str, Any] | None = None, instance: str | None = None, **changes: Any) -> dict[str, Any]:
    """A call of the triage service."""
    return {
        "hook": "encounter-start",
        "hookInstance": instance or str(uuid4()),
        "fhirServer": "https://fhir.example.org",
        "context": {"userId": "Practitioner/n1", "patientId": "p1", "encounterId": "e1"},
        "prefetch": dict(sent if sent is not None else prefetch()),
        **changes,
    }


def call_about(visit: str, saturation: float = 50.0) -> dict[str, Any]:
    """A call about another visit of the same patient."""
    written = json.dumps(call(prefetch(saturation))).replace('"e1"', f'"{visit}"')
    return json.loads(written.replace("Encounter/e1", f"Encounter/{visit}"))


def line(target: str, median: float, *, starts: datetime = NOW + timedelta(hours=9), **more: Any) -> dict[str, Any]:
    """One line of a plan: this evening in MED where nothing else is said."""
    return {
        "unit": "MED",
        "date": starts.date().isoformat(),
        "shift": "evening",
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=8)).isoformat(),
        "target": target,
        "measure": "patients" if target == "census" else "nurses",
        "lower": median * 0.8,
        "median": median,
        "upper": median * 1.2,
        **more,
    }


Clock = Callable[[], datetime]
