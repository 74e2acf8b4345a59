"""The home's release-signing key: made on first use, and never quietly replaced by another.

What does not belong here: approvers' keys (people) and the other keys of the home (keys).
"""

from ml.registry import RegistryError
from ml.registry.signing import RELEASE_PRIVATE_KEY, RELEASE_PUBLIC_KEY, Signer, load_public_key
from ml.registry.store import load_release, sign_if_needed
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.signing_keys import KeyPair

SIGNED = {"releases": "[0-9a-f]*", "pointers": "*/*.json", "plans": "**/*.json", "challengers": "*/*.json"}
"""Where what it signed lies, by folder of the home."""


class ReleaseKeyGone(StepError):
    """Something was signed with the release key, and the key is not where it was."""


def _has_signed(settings: Settings) -> bool:
    """Whether anything lies in the home that a release key signs: releases, what points to them, and plans."""
    return any(any((settings.home / folder).glob(pattern)) for folder, pattern in SIGNED.items())


RELEASE_KEY = KeyPair(
    name="release",
    private=RELEASE_PRIVATE_KEY,
    public=RELEASE_PUBLIC_KEY,
    has_signed=_has_signed,
    gone=ReleaseKeyGone,
    without=f"keys/{RELEASE_PRIVATE_KEY.name} is gone, and releases are signed with it; restore it from the backup. "
    "A new key would end every release that is served.",
)


def release_signer(settings: Settings) -> Signer:
    """Return the key, made on first use with its public half for serving; what a kill left undone is completed.

    Raises `ReleaseKeyGone` where a new key would make everything that is served unreadable, and `RegistryError`.
    """
    return RELEASE_KEY.signer(settings)


def sign_models(settings: Settings) -> None:
    """Sign the model of every release that was made before models were signed by themselves. May be done twice.

    A release that its manifest no longer vouches for is passed over: it is refused today, and a new signature must not
    make it look whole.
    """
    public = settings.home / RELEASE_PUBLIC_KEY
    if not public.exists():
        return
    for folder in sorted((settings.home / "releases").glob("[0-9a-f]*")):
        try:
            release = load_release(settings.home, folder.name, load_public_key(public))
        except RegistryError:
            continue
        sign_if_needed(settings.home, release)
