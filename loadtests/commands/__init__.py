"""What `python -m loadtests` and `waferline load` can do, one module each."""
