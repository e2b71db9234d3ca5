"""What people and CI run: install.py makes .venv, run.py starts the gateway. Nothing here needs a package."""
