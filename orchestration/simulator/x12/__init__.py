"""X12 837 claims (005010, professional and institutional) of the simulated sites, written by hand from the guides.

What does not belong here: reading X12. No code is shared with the reader, so that one bug cannot hide in both.
"""
