"""Drills: the rollback plan run against a scratch home, timed. What runs for real knows no drill."""
