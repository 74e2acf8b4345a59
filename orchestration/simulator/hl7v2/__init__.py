"""HL7 v2.5.1 messages of the simulated sites: ADT, ORU and SIU, written by hand from the standard.

What does not belong here: reading HL7 v2. No code is shared with the reader, so that one bug cannot hide in both.
"""
