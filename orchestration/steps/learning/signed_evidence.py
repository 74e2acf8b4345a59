"""Evidence under the signature of whoever measured it: a document that nobody measured is none.

A digest tells that a document is whole; it can be made by anybody. The signature lies beside the document
(`<kind>-<digest>.sig`) and covers its digest. What does not belong here: what a document says (evaluation/evidence).
"""

from pathlib import Path

from pydantic import ValidationError

from evaluation.evidence import Evidence, EvidenceError, evidence_path, read_evidence, write_evidence
from ml.registry import RegistryError
from ml.registry.files import make_folder
from ml.registry.signing import PublicKey, Signature, Signer
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_atomically, write_once
from orchestration.steps.signing_keys import KeyPair

PURPOSE = "evidence"
SUFFIX = ".sig"
ADOPTED = "adopted-evidence"
"""In `keys/`: says that evidence of before it was signed was signed once, and never is again."""
AGAIN = "Take it out of evidence/ and measure again: pilothouse run."


class EvidenceKeyGone(StepError):
    """Evidence was signed with a key that is not where it was."""


EVIDENCE_KEY = KeyPair(
    name=PURPOSE,
    private=Path("keys/evidence.key.pem"),
    public=Path("keys/evidence.pub.pem"),
    has_signed=lambda settings: any(settings.evidence.glob(f"*/*/*{SUFFIX}")),
    gone=EvidenceKeyGone,
    without="keys/evidence.key.pem is gone, and evidence is signed with it; restore it from the backup. With a new key "
    "all that was measured would have to be measured again.",
)


def write_signed(folder: Path, evidence: Evidence, signer: Signer) -> Path:
    """Write a document and its signature, the signature first: a reader never finds a document without; its path."""
    _sign(evidence_path(folder, evidence), evidence, signer)
    return write_evidence(folder, evidence)


def _sign(path: Path, evidence: Evidence, signer: Signer) -> None:
    signature = signer.sign(PURPOSE, evidence.digest.encode())
    write_atomically(path.with_suffix(SUFFIX), signature.model_dump_json().encode())


def read_signed(path: Path, key: PublicKey) -> Evidence:
    """Read a document that the key vouches for. Raises `EvidenceError` naming the file, whatever is wrong."""
    evidence = read_evidence(path)
    beside = path.with_suffix(SUFFIX)
    try:
        key.verify(PURPOSE, evidence.digest.encode(), Signature.model_validate_json(beside.read_bytes()))
    except OSError as error:
        raise EvidenceError(
            f"{path.name}: has no signature beside it ({beside.name}): nobody vouches that it was "
            f"measured here. {AGAIN}"
        ) from error
    except (ValidationError, RegistryError) as error:
        raise EvidenceError(
            f"{path.name}: is not signed by this home's evidence key (keys/evidence.pub.pem): it was "
            f"written by somebody else, or with another key. {AGAIN}"
        ) from error
    return evidence


def sign_what_lies(settings: Settings) -> None:
    """Sign the evidence of before evidence was signed, as it is found, once in a home's life: where a key would sign
    whatever lies there again, nobody would need it to forge."""
    adopted = settings.keys / ADOPTED
    if adopted.exists():
        return
    for path in sorted(settings.evidence.glob("*/*/*.json")):
        try:
            evidence = read_evidence(path)
        except EvidenceError:  # the gate tells of it when it is asked
            continue
        if not path.with_suffix(SUFFIX).exists():
            _sign(path, evidence, EVIDENCE_KEY.signer(settings))
    make_folder(settings.keys, mode=0o700)
    write_once(adopted, b"")
