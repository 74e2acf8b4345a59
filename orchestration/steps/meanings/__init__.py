"""What a feed means: held against its past, and put before a named reviewer where it changed."""
