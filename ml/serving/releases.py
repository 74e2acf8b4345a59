"""What each site serves now: the verified release behind its pointer, loaded again when its files change.

Here belongs the way from files to a state, failing closed. What a release becomes once it is verified is its opener's
business: a scorer (`live.py`) or the plan that lies beside it (`plans.py`).
"""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from ml.features import FeatureError
from ml.registry import RegistryError
from ml.registry.pointer import (
    Pointer,
    check_release,
    check_succession,
    pointed_sites,
    pointer_path,
    read_pointer,
)
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from ml.registry.stages import Tier
from ml.registry.store import MODEL, VerifiedRelease, release_folder
from ml.serving import ServingRefused
from ml.serving.advice import NO_RELEASE, RELEASE_REFUSED
from ml.serving.config import ServingConfig
from ml.serving.events import EventStore

CHECK_FOLDER_EVERY_SECONDS = 1.0
RETRY_REFUSED_EVERY_SECONDS = 5.0

Fingerprint = tuple[Any, ...]


@dataclass(frozen=True)
class Idle:
    """Nothing is served: off, or refused with the reason. `pointer` is there when it could be trusted."""

    status: str
    reason: str
    pointer: Pointer | None = None


_Served = TypeVar("_Served", covariant=True)


class Opener(Protocol[_Served]):
    """How a verified release of one kind of use case becomes what is served."""

    def files(self, site: str) -> tuple[Path, ...]:
        """The files beside the pointer whose change makes what was opened stale."""
        ...

    def open(self, site: str, pointer: Pointer, release: VerifiedRelease, tier: Tier, reason: str | None) -> _Served:
        """What is served of a release that was verified. Whatever it raises is refused, never served."""
        ...


@dataclass
class _Watched:
    state: Any
    fingerprint: Fingerprint
    checked_at: float
    release: str | None = None
    loading: "asyncio.Task[None] | None" = None


class ReleaseWatch(Generic[_Served]):
    """The states of every site of one use case, each `Idle` or what its opener made of the release."""

    def __init__(self, config: ServingConfig, store: EventStore, use_case: str, opener: Opener[_Served]) -> None:
        self.use_case = use_case
        self._config = config
        self._store = store
        self._opener = opener
        self._watched: dict[str, _Watched] = {}
        self._folder = config.home / "pointers" / use_case
        self._pointers: dict[str, Path] = {}
        self._pointed: tuple[Fingerprint | None, tuple[str, ...]] = (None, ())
        self._seen = {site for site in store.sites_seen(use_case) if site in config.sites}

    def sites(self) -> tuple[str, ...]:
        """The sites that have a pointer, or had one: a pointer that disappears is no way out. Sorted."""
        present = _stat(self._folder)
        if present != self._pointed[0]:  # where there is no folder, there is nothing to list in every call
            self._pointed = (present, pointed_sites(self._config.home, self.use_case))
        return (
            self._pointed[1] if self._seen <= set(self._pointed[1]) else tuple(sorted({*self._pointed[1], *self._seen}))
        )

    def at_hand(self, site: str) -> Idle | _Served | None:
        """The state as it was last loaded, unchecked: to prepare by, never to answer by."""
        watched = self._watched.get(site)
        return None if watched is None else watched.state

    async def state(self, site: str) -> Idle | _Served:
        """The state of a site, loaded again if its pointer or release folder changed."""
        watched = self._watched.get(site)
        if watched is None:
            watched = self._watched.setdefault(site, _Watched(Idle(NO_RELEASE, "not loaded yet"), (), -1.0))
        for _ in range(2):  # the second time where what was under way began before the files were what they are now
            if self._is_fresh(site, watched):
                break
            is_own = watched.loading is None
            watched.loading = watched.loading or asyncio.create_task(self._load_again(site, watched))
            await asyncio.shield(watched.loading)  # whoever gives up waiting does not stop it for the others
            if is_own:
                break
        return watched.state

    async def _load_again(self, site: str, watched: _Watched) -> None:
        try:
            pointer, began = self._pointer_print(site), time.monotonic()
            watched.state, (watched.release, folder) = await asyncio.to_thread(self._load, site)
            watched.fingerprint, watched.checked_at = pointer + folder, began
        finally:
            watched.loading = None

    def _is_fresh(self, site: str, watched: _Watched) -> bool:
        if not watched.fingerprint or self._pointer_print(site) != watched.fingerprint[:1]:
            return False
        glass = getattr(getattr(watched.state, "pointer", None), "glass", None)
        if glass is not None and not isinstance(watched.state, Idle) and glass.is_over(self._config.steady_clock.now()):
            return False
        since = time.monotonic() - watched.checked_at
        if isinstance(watched.state, Idle):
            return watched.state.status == NO_RELEASE or since < RETRY_REFUSED_EVERY_SECONDS
        if since < CHECK_FOLDER_EVERY_SECONDS:
            return True
        if getattr(watched.state, "is_being_read", False):
            return False
        watched.checked_at = time.monotonic()
        assert watched.release is not None
        return _folder_print(release_folder(self._config.home, watched.release)) == watched.fingerprint[1:]

    def _pointer_print(self, site: str) -> Fingerprint:
        pointer = self._pointers.get(site)
        if pointer is None:
            pointer = self._pointers[site] = pointer_path(self._config.home, self.use_case, site)
        return (tuple([_stat(path) for path in (pointer, *self._opener.files(site))]),)

    def _load(self, site: str) -> tuple[Idle | _Served, tuple[str | None, Fingerprint]]:
        """Verify pointer, release and generation. Whatever cannot be verified is refused, never served."""
        try:
            pointer = self._verified_pointer(site)
            if pointer is None:
                return Idle(NO_RELEASE, "no release was ever pointed to"), (None, ())
            if pointer.release is None:
                return Idle(NO_RELEASE, f"switched off: {pointer.reason}", pointer), (None, ())
            if pointer.glass is not None and pointer.glass.is_over(self._config.steady_clock.now()):
                return Idle(NO_RELEASE, f"its time is over. {pointer.glass.sentence}", pointer), (None, ())
            folder = release_folder(self._config.home, pointer.release)
            before = _folder_print(folder)
            return self._live(site, pointer), (pointer.release, before)
        except (RegistryError, FeatureError, ServingRefused, OSError) as error:
            return Idle(RELEASE_REFUSED, str(error)), (None, ())
        except SQLAlchemyError as error:
            return Idle(RELEASE_REFUSED, f"The event store cannot be read ({type(error).__name__})."), (None, ())

    def _verified_pointer(self, site: str) -> Pointer | None:
        home = self._config.home
        self._config.pseudonym_key(site)
        seen = self._store.pointer_seen(self.use_case, site)
        path = pointer_path(home, self.use_case, site)
        if not path.exists() and not path.is_symlink():
            if seen is not None:
                raise ServingRefused(
                    f"The pointer of {self.use_case} at {site} is gone, but generation {seen.generation} "
                    "was served; "
                    "publish it again."
                )
            return None
        public_key = load_public_key(home / RELEASE_PUBLIC_KEY)
        pointer = read_pointer(home, self.use_case, site, public_key)
        if pointer is None:
            return None
        check_release(home, pointer, public_key)
        if seen is not None:
            check_succession(pointer, seen.generation, seen.digest, seen.last_release_at)
        self._store.remember_pointer(pointer)
        self._seen.add(site)
        return pointer

    def _live(self, site: str, pointer: Pointer) -> _Served:
        home = self._config.home
        release = check_release(home, pointer, load_public_key(home / RELEASE_PUBLIC_KEY))
        assert release is not None
        return self._opener.open(site, pointer, release, *self._tier(site, pointer))

    def _tier(self, site: str, pointer: Pointer) -> tuple[Tier, str | None]:
        """The lower of what a person signed and what the service stepped down to under the same
        generation.
        """
        seen = self._store.pointer_seen(self.use_case, site)
        if seen is None or seen.stepped_down_to is None or seen.generation != pointer.generation:
            return pointer.tier, None
        if seen.stepped_down_to.rank <= pointer.tier.rank:
            return pointer.tier, None
        return seen.stepped_down_to, seen.stepped_down_reason


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - a third of the time of Path.stat, on every call
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _folder_print(folder: Path) -> Fingerprint:
    try:
        entries = [*os.scandir(folder), *os.scandir(folder / MODEL)]
    except OSError:
        return ("unreadable",)
    return tuple(sorted((entry.name, *(_stat(Path(entry.path)) or ())) for entry in entries))
