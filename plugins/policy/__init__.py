"""Facts in, verdict out. Pure: a rule runs in a REPL with literals."""
