"""Rosters: people, needs and rules of a unit as a problem; solved, repaired, and judged."""
