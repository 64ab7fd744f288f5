"""Command line: parses arguments, sets the exit status. No other package imports from here."""
