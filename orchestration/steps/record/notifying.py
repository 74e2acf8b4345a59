"""Telling people, where a site says how: `keys/notify.yaml` names addresses for apprise.

The file holds secrets (an address often has a password in it), so that it must be its owner's alone, and no address is
ever said in a log or an error. Nothing is sent where it names nobody. What does not belong here: what is worth telling.

    schema: pilothouse.notify/1
    everybody: ["mailtos://user:secret@mail.example.org/?to=oncall@example.org"]
    sites: {city: ["https://chat.example.org/hook"]}
"""

import logging
import stat
import warnings
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from evaluation.strict_yaml import first_fault, read_one
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.secret_files import NOTIFY as FILE
from orchestration.steps.secret_files import leftovers, move_secrets

LOG = logging.getLogger("pilothouse.notify")
Address = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+://")]


class NotifyUnreadable(StepError):
    """`notify.yaml` cannot be used; the message says why, without any address."""


class Addresses(BaseModel):
    """Whom to tell of everything, and of one site."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    schema_: Literal["pilothouse.notify/1"] = Field(alias="schema")
    everybody: tuple[Address, ...] = ()
    sites: dict[str, tuple[Address, ...]] = {}

    def of(self, site: str) -> tuple[Address, ...]:
        return (*self.everybody, *self.sites.get(site, ()))


def addresses(settings: Settings) -> Addresses:
    """Read `keys/notify.yaml`; nobody where there is none. Raises `NotifyUnreadable`.

    One that somebody put into the home itself is moved there: a backup of the home must not hold it. Where both have
    one, that of `keys/` counts, and the other is told in the log and by `status`: nobody goes untold for it.
    """
    move_secrets(settings)
    for sentence in leftovers(settings):
        LOG.warning(sentence)
    path = settings.keys / FILE
    if not path.exists():
        return Addresses(schema="pilothouse.notify/1")
    _require_private(path)
    try:
        return Addresses.model_validate(read_one(path.read_text("utf-8")))
    except ValidationError as error:
        raise NotifyUnreadable(f"{FILE}: {first_fault(error)}; see the head of steps/record/notifying.py.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NotifyUnreadable(f"{FILE} cannot be read as YAML ({type(error).__name__}).") from None


def notify(settings: Settings, site: str, title: str, body: str) -> bool:
    """Tell whoever is named for the site; says whether somebody was told. What fails is logged: the ledger has it."""
    try:
        named = addresses(settings).of(site)
    except NotifyUnreadable as error:
        LOG.error("%s Nobody was told of: %s", error, title)
        return False
    if not named:
        return False
    is_told, taken = _sent(named, title, body)
    if not is_told or taken < len(named):
        LOG.error("Of %d addresses for %s, not all could be told of: %s", len(named), site, title)
    return is_told


def _sent(named: tuple[str, ...], title: str, body: str) -> tuple[bool, int]:
    """Send to every address; says whether all of them took it, and how many are addresses at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports, as it goes, what Python 3.13 takes away
        import apprise

        teller = apprise.Apprise()
        taken = sum(bool(teller.add(address)) for address in named)
        return bool(taken) and bool(teller.notify(body=body, title=title)), taken


def _require_private(path: Path) -> None:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NotifyUnreadable(f"{FILE} can be read by others and may hold passwords; run: chmod 600 keys/{FILE}.")
