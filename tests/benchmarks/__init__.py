"""Measurements, each beside its yardstick from the same run. Never timed tests: nothing here can fail a build."""
