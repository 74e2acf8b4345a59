"""Plans for the assignment meeting, whatever makes them: drawn up, signed, shown on a board, stepped down."""
