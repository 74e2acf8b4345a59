"""The exceptions of backups: what is refused, and what is broken. A disk that is full breaks nothing."""

from orchestration.steps.errors import StepError


class BackupRefused(StepError):
    """A backup cannot be made or taken back as asked, or here; the message says why and what to do."""


class BackupBroken(StepError):
    """A file is no backup, or not as it was written."""


def unwritable(name: str, error: OSError) -> BackupRefused:
    """Return the refusal for a file that cannot be written."""
    return BackupRefused(
        f"{name} cannot be written ({error.strerror}); nothing was kept of it. Make free space there and the right to "
        "write, or name another disk; then try again."
    )
