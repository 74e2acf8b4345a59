"""The key index of a site: which keys its lake holds, found without reading the lake.

A derived cache under `index/<site>/`: sorted runs of fixed-width rows, mapped into memory and merged as they grow, so
that a landing costs what it brings and not what came before it. Deleting the folder costs a rebuild from the lake and
never a record. What does not belong here: receipts, and when the index is to be trusted (orchestration/feeds/stock.py).
The public face is `KeyIndex`, `Keys`, `Layers`, `Entries`, `KNOWN` and `DIGITS`.
"""

from orchestration.feeds.keys.entries import DIGITS, KNOWN, Entries
from orchestration.feeds.keys.index import KeyIndex, Keys, Layers

__all__ = ["DIGITS", "KNOWN", "Entries", "KeyIndex", "Keys", "Layers"]
