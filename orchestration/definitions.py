"""Dagster's entry point: loads `defs/` and nothing else."""

from orchestration.defs import build_definitions

defs = build_definitions()
