"""What comes in: drops, messages and exports landed under contract, held back, taken again, audited, erased."""
