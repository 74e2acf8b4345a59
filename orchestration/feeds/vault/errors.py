"""What can be wrong with kept bytes. A message names an object by the beginning of its digest, never by what it holds.

VaultError         the vault or a key of it cannot be used
├── ObjectErased   the bytes were destroyed on purpose
├── ObjectLost     the bytes are damaged, or their key is gone without an erasure
└── ObjectUnread   the disk does not give them now; it is no OSError, which readers of formats take for damage
"""

from orchestration.feeds.errors import FeedError


class VaultError(FeedError):
    """The vault cannot be used as it is; the message says what to do."""


class ObjectErased(VaultError):
    """An object was erased: nothing of it is left but that it was there."""


class ObjectLost(VaultError):
    """An object cannot be opened, and nobody decided that."""


class ObjectUnread(VaultError):
    """The disk failed to read kept bytes; another time it may not."""
