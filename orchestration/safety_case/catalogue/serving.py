"""Faults around the running service: its model, its event store, its disk, its clock, its files, and who calls it.

What does not belong here: the service's own answers to them (ml/serving).
"""

import base64
import hashlib
import hmac
import json
import os
import resource
import sqlite3
import stat
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from evaluation.policies import Stage
from ml.serving.scoring import Scorer
from orchestration.safety_case.client import KEY_ID
from orchestration.safety_case.faults import Barrier, ServiceFault
from orchestration.safety_case.sandbox import SITE, USE_CASE
from orchestration.safety_case.service import PATH, Service
from orchestration.steps.releases.going_down import roll_back

FAMILY = "serving"
SLOW_SECONDS, DAY_SECONDS = 3.0, 86_400.0
SMALL_FILE_BYTES, LARGE_BODY_BYTES = 16 * 1024, 2 * 1024 * 1024
OUTPUTS = (1, 2)
Injection = Callable[[Service], AbstractContextManager[None]]


@contextmanager
def _scoring(score: Callable[..., Any]) -> Generator[None]:
    """Have every model of this process score in another way for a while."""
    real = Scorer.score
    Scorer.score = score  # type: ignore[method-assign]
    try:
        yield
    finally:
        Scorer.score = real  # type: ignore[method-assign]


@contextmanager
def _hanging(_: Service) -> Generator[None]:
    gate = threading.Event()
    with _scoring(lambda *_: gate.wait()):
        try:
            yield
        finally:
            gate.set()


@contextmanager
def _slow(_: Service) -> Generator[None]:
    real, over = Scorer.score, threading.Event()

    def score(scorer: Scorer, values: Any) -> dict[str, float]:
        over.wait(SLOW_SECONDS)
        return real(scorer, values)

    with _scoring(score):
        try:
            yield
        finally:
            over.set()


@contextmanager
def _failing(_: Service) -> Generator[None]:
    def score(*_: Any) -> dict[str, float]:
        raise ArithmeticError("the fault of the safety case")

    with _scoring(score):
        yield


@contextmanager
def _dead_database(service: Service) -> Generator[None]:
    """Another process holds the event store's lock and does not let go."""
    other = sqlite3.connect(service.home / "events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def _full_disk(_: Service) -> Generator[None]:
    """No file of this process can grow: what the operating system says of a full disk, without filling one.

    Where the answer or the progress of the command goes into a file, there is room for that.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = [found.st_size for found in map(os.fstat, OUTPUTS) if stat.S_ISREG(found.st_mode)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(told, default=0) + SMALL_FILE_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _clock(service: Service) -> Generator[None]:
    service.skew_seconds = DAY_SECONDS
    yield


@contextmanager
def _altered(service: Service) -> Generator[None]:
    model = next((service.release_folder / "model").glob("critical_care*"))
    model.write_bytes(model.read_bytes() + b"\n")
    yield


@contextmanager
def _unsigned(service: Service) -> Generator[None]:
    (service.release_folder / "model.sig").unlink()
    yield


@contextmanager
def _wound_back(service: Service) -> Generator[None]:
    """After a rollback to shadow the pointer of before, which shows cards, is put back."""
    old = service.pointer.read_bytes()
    roll_back(service.drill.settings, USE_CASE, SITE, Stage.SHADOW.value, "It looks wrong.")
    service.await_stage(Stage.SHADOW)
    service.usual = service.call()
    service.pointer.write_bytes(old)
    yield


@contextmanager
def _forged(service: Service) -> Generator[None]:
    stranger = ec.generate_private_key(ec.SECP384R1())
    service.token = lambda: service.client.token(PATH, stranger)
    yield


@contextmanager
def _hmac(service: Service) -> Generator[None]:
    """Signed by HMAC, with the public key as the secret: what a careless library takes for a signature."""
    pem = service.client.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    def token() -> str:
        head = json.dumps({"alg": "HS384", "kid": KEY_ID, "typ": "JWT"}).encode()
        content = part(head) + b"." + part(json.dumps(service.client.claims(PATH)).encode())
        return (content + b"." + part(hmac.new(pem, content, hashlib.sha384).digest())).decode()

    service.token = token
    yield


@contextmanager
def _replayed(service: Service) -> Generator[None]:
    taken = service.client.token(PATH)
    service.token = lambda: taken
    service.call()
    yield


@contextmanager
def _oversized(service: Service) -> Generator[None]:
    service.body = lambda: b" " * LARGE_BODY_BYTES + service.danger()
    yield


STUCK, FAILS, JUMPED = "tier: the model has not answered*", "tier: *scoring failed*", "tier: the clock*jumped*"
UNWRITABLE, UNTRUSTED, TOO_LARGE = "answer 503: *event store cannot write*", "answer 401: *", "answer 413: *"
CHANGED, UNSIGNED, WENT_BACK = "readyz: *is changed*", "readyz: *model.sig*", "readyz: *pointer*went back*"


def _fault(name: str, title: str, done: str, alarm: str, inject: Injection) -> ServiceFault:
    told: dict[str, Any] = {"barrier": Barrier.SERVICE, "alarm": (alarm,)}
    return ServiceFault(id=name, family=FAMILY, title=title, done=done, inject=inject, **told)


SERVING = (
    _fault("hanging-model", "Hanging model", "Scoring does not come back.", STUCK, _hanging),
    _fault("slow-model", "Slow model", f"Every score takes {SLOW_SECONDS:.0f} seconds.", STUCK, _slow),
    _fault("failing-model", "Failing model", "Every score raises an error.", FAILS, _failing),
    _fault(
        "dead-database", "Dead event database", "Another process locks the event store.", UNWRITABLE, _dead_database
    ),
    _fault("full-disk", "Disk full", "No file of the service can grow.", UNWRITABLE, _full_disk),
    _fault("clock-jump", "Clock jump", "The clock of the service jumps ahead by a day.", JUMPED, _clock),
    _fault(
        "altered-model-served", "Model altered while it serves", "One byte is added to a model file.", CHANGED, _altered
    ),
    _fault(
        "unsigned-model", "Unsigned model", "The model's signature is removed from the release.", UNSIGNED, _unsigned
    ),
    _fault(
        "wound-back-served",
        "Pointer wound back while it serves",
        "After a rollback to shadow the pointer of before it is put back.",
        WENT_BACK,
        _wound_back,
    ),
    _fault("forged-token", "Forged token", "A stranger signs in the name of the client.", UNTRUSTED, _forged),
    _fault("hmac-token", "HMAC token", "The token is an HMAC with the client's public key.", UNTRUSTED, _hmac),
    _fault("replayed-token", "Replayed token", "A token that was used comes again.", UNTRUSTED, _replayed),
    _fault("oversized-body", "Oversized body", "A body of two megabytes is sent.", TOO_LARGE, _oversized),
)
