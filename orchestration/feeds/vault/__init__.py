"""The vault: bytes as received, encrypted under a key of their own, so that destroying a key destroys the bytes.

What does not belong here: what the bytes mean. Every object is AES-256-GCM in chunks; its key lies in a file apart,
wrapped by the home's master key: a copy of `raw/` alone is worth nothing, and neither is one whose keys are destroyed.
The public face is `Vault`, `RawObject`, `Kind`, `Keyring`, the errors and `MASTER_KEY`.
"""

from orchestration.feeds.vault.errors import ObjectErased, ObjectLost, VaultError
from orchestration.feeds.vault.keyring import MASTER_KEY, Keyring
from orchestration.feeds.vault.vault import Kind, RawObject, Vault

__all__ = ["MASTER_KEY", "Keyring", "Kind", "ObjectErased", "ObjectLost", "RawObject", "Vault", "VaultError"]
