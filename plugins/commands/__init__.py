"""One module per command: HELP and EXAMPLES, `add_arguments(parser)`, and `run(arguments, context)`, the exit code."""
