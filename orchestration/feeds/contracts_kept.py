"""The contracts that a home landed under, kept byte for byte: what a row's `_contract` says can be read for ever.

A contract that breaks the last one kept, under a version that does not say so, judges nothing here: the rows in the
lake were landed under other terms. What does not belong here: comparing (orchestration/contracts).
"""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from orchestration.contracts import Contract
from orchestration.contracts.compare import require_sound, version_numbers
from orchestration.contracts.load import SUFFIX, parse_contract
from orchestration.feeds.store import SHORT, Store, flush, place, sync_folders

LAST = "last"
MEND = "Raise the major version in its file and in history/, or take the change back."


def require_kept_history(store: Store, contracts: Iterable[Contract]) -> None:
    """Hold the current contracts against those that were landed under last. Raises `BreakingChange`."""
    for contract in contracts:
        last = _last(store, contract.feed)
        if last is not None and last.read_bytes() != contract.source:
            require_sound(parse_contract(contract.feed, last.read_bytes()), contract, MEND)


def keep(store: Store, contract: Contract) -> None:
    """Keep the bytes of a contract that lands something, once; the newest version is the last one from then on."""
    path = _folder(store, contract.feed) / _name(contract)
    if not path.exists():
        _write(store, path, contract.source)
    last = _last(store, contract.feed)
    if last is None or (last != path and not _is_older(contract, parse_contract(contract.feed, last.read_bytes()))):
        _write(store, path.with_name(LAST), path.name.encode())


def _is_older(contract: Contract, last: Contract) -> bool:
    return version_numbers(contract) < version_numbers(last)


def _folder(store: Store, feed: str) -> Path:
    return store.home / "contracts" / feed


def _name(contract: Contract) -> str:
    return f"{contract.feed}@{contract.version}.{sha256(contract.source).hexdigest()[:SHORT]}{SUFFIX}"


def _last(store: Store, feed: str) -> Path | None:
    last = _folder(store, feed) / LAST
    return last.with_name(last.read_text()) if last.exists() else None


def _write(store: Store, path: Path, content: bytes) -> None:
    with store.temporary() as draft:
        with draft.open("wb") as stream:
            stream.write(content)
            flush(stream)
        place(draft, path)
    sync_folders([path.parent])
