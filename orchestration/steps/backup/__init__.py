"""The whole home as one file that can be trusted, and back: a backup is worth what its restore was seen to be.

The keys go into a file of their own: whoever holds both can read everything, and erasing a person destroys keys here,
not in the copies. Warehouse and reports are left out: the next run makes them anew. The ledger goes as its export, so
that it comes back into SQLite or PostgreSQL alike.
"""

from orchestration.steps.backup.errors import BackupBroken, BackupRefused
from orchestration.steps.backup.making import back_up
from orchestration.steps.backup.restoring import restore

__all__ = ["BackupBroken", "BackupRefused", "back_up", "restore"]
