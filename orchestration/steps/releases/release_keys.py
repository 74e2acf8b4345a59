"""The home's release-signing key: made on first use, and never quietly replaced by another.

What does not belong here: approvers' keys (people) and the other keys of the home (keys).
"""

from ml.registry import RegistryError
from ml.registry.signing import (
    RELEASE_PRIVATE_KEY,
    RELEASE_PUBLIC_KEY,
    Signer,
    load_public_key,
    load_signer,
    new_private_key,
    write_public_key,
)
from ml.registry.store import load_release, sign_if_needed
from orchestration.settings import Settings
from orchestration.steps.errors import StepError


class ReleaseKeyGone(StepError):
    """Something was signed with the release key, and the key is not where it was."""


def release_signer(settings: Settings) -> Signer:
    """Return the key, made on first use with its public half for serving.

    Raises `ReleaseKeyGone` where a new key would make everything that is served unreadable, and `RegistryError`.
    """
    private, public = settings.home / RELEASE_PRIVATE_KEY, settings.home / RELEASE_PUBLIC_KEY
    if not private.exists():
        if public.exists() or any((settings.home / "pointers").glob("*/*.json")):
            raise ReleaseKeyGone(
                f"keys/{private.name} is gone, and releases are signed with it; restore it from the backup. "
                "A new key would end every release that is served."
            )
        settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_public_key(public, new_private_key(private).public)
    return load_signer(private)


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
