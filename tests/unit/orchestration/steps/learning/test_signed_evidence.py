"""Evidence counts with the signature of this home's evidence key, and with nobody else's."""

import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.evidence import Evidence, Figure, write_evidence
from ml.registry.signing import Signer, new_private_key
from orchestration.settings import Settings
from orchestration.steps.home import FILE, open_home
from orchestration.steps.learning.signed_evidence import EvidenceKeyGone, sign_what_lies, write_signed
from orchestration.steps.learning.stores import evidence_folder, read_all_evidence, save_evidence
from orchestration.steps.signing_keys import KeyHalvesDiffer

Make = Callable[..., Evidence]


def better(real: Evidence) -> Evidence:
    """What somebody would rather have measured: whole, and with the digest that belongs to it."""
    return replace(real, figures={name: Figure(0.0) for name in real.figures})


def refused(settings: Settings) -> str:
    """What is said of the one document, which is not taken."""
    found = read_all_evidence(settings, "triage", "city")
    assert found.readable == []
    [reason] = found.unreadable
    return reason


def test_what_was_measured_here_is_read(settings: Settings, evidence: Make) -> None:
    path = save_evidence(settings, evidence())
    assert read_all_evidence(settings, "triage", "city").readable == [evidence()]
    assert path.with_suffix(".sig").exists()
    assert (settings.keys / "evidence.key.pem").stat().st_mode & 0o777 == 0o600


def test_a_document_with_its_digest_and_no_signature_is_not_taken(settings: Settings, evidence: Make) -> None:
    path = save_evidence(settings, evidence())
    path.unlink()
    write_evidence(path.parent, better(evidence()))
    assert "has no signature" in refused(settings) and "pilothouse run" in refused(settings)


def test_a_document_under_the_signature_of_another_is_not_taken(settings: Settings, evidence: Make) -> None:
    path = save_evidence(settings, evidence())
    forged = write_evidence(path.parent, better(evidence()))
    shutil.copy(path.with_suffix(".sig"), forged.with_suffix(".sig"))
    path.unlink()
    assert "written by somebody else" in refused(settings)


def test_a_document_that_another_key_signed_is_not_taken(settings: Settings, evidence: Make) -> None:
    path = save_evidence(settings, evidence())
    path.unlink()
    write_signed(path.parent, better(evidence()), Signer(Ed25519PrivateKey.generate()))
    assert "written by somebody else" in refused(settings)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff", b'{"key_id": "0", "value": ""}'])
def test_a_signature_that_is_none_is_said_to_be_so(settings: Settings, evidence: Make, content: bytes) -> None:
    save_evidence(settings, evidence()).with_suffix(".sig").write_bytes(content)
    assert "is not signed by this home's evidence key" in refused(settings)


def test_without_the_public_half_nothing_counts(settings: Settings, evidence: Make) -> None:
    save_evidence(settings, evidence())
    (settings.keys / "evidence.pub.pem").unlink()
    assert "cannot be verified" in refused(settings) and "evidence.pub.pem" in refused(settings)


def test_where_the_key_is_gone_no_other_takes_its_place(settings: Settings, evidence: Make) -> None:
    save_evidence(settings, evidence())
    for half in settings.keys.glob("evidence.*"):
        half.unlink()
    with pytest.raises(EvidenceKeyGone, match="restore it from the backup"):
        save_evidence(settings, evidence(value=0.9))
    assert not list(settings.keys.glob("evidence.*"))


def test_a_key_of_another_pair_signs_nothing(settings: Settings, evidence: Make) -> None:
    save_evidence(settings, evidence())
    (settings.keys / "evidence.key.pem").unlink()
    new_private_key(settings.keys / "evidence.key.pem")
    with pytest.raises(KeyHalvesDiffer, match=r"keys/evidence.key.pem is the private half"):
        save_evidence(settings, evidence(value=0.9))
    assert read_all_evidence(settings, "triage", "city").readable == [evidence()]


def test_what_lay_there_before_evidence_was_signed_is_signed_once(settings: Settings, evidence: Make) -> None:
    folder = evidence_folder(settings, "triage", "city")
    write_evidence(folder, evidence())
    write_evidence(folder, evidence(value=0.9)).write_text("{")
    sign_what_lies(settings)
    found = read_all_evidence(settings, "triage", "city")
    assert found.readable == [evidence()] and len(found.unreadable) == 1


def test_what_lay_there_under_another_name_is_signed_where_it_lies(settings: Settings, evidence: Make) -> None:
    folder = evidence_folder(settings, "triage", "city")
    write_evidence(folder, evidence()).rename(folder / "drift.json")
    sign_what_lies(settings)
    found = read_all_evidence(settings, "triage", "city")
    assert found.readable == [evidence()] and found.unreadable == []


@pytest.mark.parametrize("left", ["nothing", "an older version"])
def test_a_home_that_is_made_to_look_older_signs_nothing_again(settings: Settings, evidence: Make, left: str) -> None:
    open_home(settings)
    path = save_evidence(settings, evidence())
    write_evidence(path.parent, better(evidence()))
    (settings.home / FILE).unlink()
    if left != "nothing":
        (settings.home / FILE).write_text('{"schema": "pilothouse.home/1", "version": 4}')
    open_home(settings)
    found = read_all_evidence(settings, "triage", "city")
    assert found.readable == [evidence()] and len(found.unreadable) == 1


def test_a_home_without_evidence_gets_no_key_for_it(settings: Settings) -> None:
    sign_what_lies(settings)
    assert not list(settings.keys.glob("evidence.*"))
