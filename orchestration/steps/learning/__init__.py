"""Candidates of a classifier, the evidence about them, and what serving showed of them."""
