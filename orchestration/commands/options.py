"""What several commands ask for in the same words: a site, a reason, a person, their key."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.settings import Settings, apply_third_party_switches, load_settings

if TYPE_CHECKING:
    from orchestration.steps.record.actors import Actor

EXISTING = click.Path(exists=True, path_type=Path)
NEW_FILE = click.Path(path_type=Path)
STAGES = click.Choice(["off", "shadow", "assistive", "decision_support"])

site_option = click.option("--site", required=True, help="Site, as named in orchestration/sites/.")
reason_option = click.option("--reason", required=True, help="Why; it is written to the ledger.")
actor_option = click.option("--as", "actor", required=True, help="The registered person who does this.")
signing_option = click.option("--key", "key_file", type=NEW_FILE, help="Their private key: signs the entry.")


def acting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a person say who they are, and prove it; without either, the account of the operating system is recorded."""
    named = click.option("--as", "actor", help="Who does this: recorded as claimed, with --key as signed.")
    return named(signing_option(command))


def registrar(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let somebody else than the key's owner say that they do this, and prove it."""
    named = click.option("--by", help="Who does this, if not the owner: recorded as claimed, with --by-key as signed.")
    return named(click.option("--by-key", type=NEW_FILE, help="Their private key: signs the entry.")(command))


def named_actor(person: str | None, key_file: Path | None) -> "Actor":
    """Return who acts, as given on the command line."""
    from orchestration.steps.record.actors import actor_of

    return actor_of(person, key_file)


def ready_settings() -> Settings:
    """Return the settings with the home made and opened and telemetry off, also for child processes."""
    settings = home_settings()
    apply_third_party_switches(settings)
    return settings


def home_settings() -> Settings:
    """Return the settings with the home opened: of this version's layout, brought to it, or refused."""
    from orchestration.steps.home import open_home

    settings = load_settings()
    open_home(settings)
    return settings
