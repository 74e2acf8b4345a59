"""The ledger of this home: who acts, what is on record, incidents, and the record as files."""
