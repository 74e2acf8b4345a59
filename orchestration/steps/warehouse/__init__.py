"""What lies in the tables: dbt's surroundings, vocabularies, what the tables hold, and the way back from a row."""
