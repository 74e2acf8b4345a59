"""A key pair of the home: made on first use, and never quietly replaced by another.

The release key signs what is served, the evidence key what was measured: who only measures needs no key that releases.
What does not belong here: approvers' keys (people), and what a pair signs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml.registry.signing import (
    PublicKey,
    Signer,
    is_half_written,
    is_torn,
    load_public_key,
    load_signer,
    new_private_key,
    write_public_key,
)
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.locks import exclusive


class KeyHalvesDiffer(StepError):
    """What the private half would sign, the public half beside it would not know."""


@dataclass(frozen=True)
class KeyPair:
    """Where a pair lies below the home, whether it has signed anything there, and what is raised where it is gone."""

    name: str
    private: Path
    public: Path
    has_signed: Callable[[Settings], bool]
    gone: type[StepError]
    without: str

    def signer(self, settings: Settings) -> Signer:
        """Return the key, made on first use with its public half; what a kill left undone is completed.

        Raises `gone` where a new key would make what was signed unreadable, `KeyHalvesDiffer` where the halves are of
        two pairs, and `RegistryError`.
        """
        private, public = settings.home / self.private, settings.home / self.public
        if not private.exists() or _wants_writing(public):
            with exclusive(settings.home, f"{self.name}-key"):
                self._complete(settings, private, public)
        return self._whole(load_signer(private), self.verifier(settings))

    def verifier(self, settings: Settings) -> PublicKey:
        """Return the half that verifies. Raises `KeyFileError`."""
        return load_public_key(settings.home / self.public)

    def _whole(self, signer: Signer, verifier: PublicKey) -> Signer:
        if signer.public.key_id != verifier.key_id:
            raise KeyHalvesDiffer(
                f"{self.private} is the private half of {signer.public.key_id}, and {self.public} the public half of "
                f"{verifier.key_id}: what is signed now nobody could verify. Nothing is signed. Restore both from one "
                "backup."
            )
        return signer

    def _complete(self, settings: Settings, private: Path, public: Path) -> None:
        """Make the key if there is none or half of one, and write its public half if that is not there."""
        is_first = not public.exists() and not self.has_signed(settings)
        if private.exists() and not _wants_writing(public):
            return
        if not private.exists() and not is_first:
            raise self.gone(self.without)
        if private.exists() and is_first and is_torn(private):
            private.unlink()
        signer = load_signer(private) if private.exists() else new_private_key(private)
        write_public_key(public, signer.public)


def _wants_writing(public: Path) -> bool:
    return not public.exists() or is_half_written(public)
