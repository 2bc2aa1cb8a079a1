"""Learning rules and their runs."""
