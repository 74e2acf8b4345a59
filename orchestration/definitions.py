"""Dagster's entry point: loads `defs/` and nothing else."""

from orchestration.defs import build_definitions
from orchestration.settings import keep_private

keep_private()

defs = build_definitions()
