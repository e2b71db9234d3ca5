"""Load tests, which live beside the product and know nothing of it: run as a program, not imported."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from plugins.commands.context import CannotError, Context
from plugins.config.files import ROOT

HELP = "load-test a target, compare two runs, or measure the generator itself"
EXAMPLES = """\
  waferline load run smoke             with simulated providers and a gateway, started for it
  waferline load run steady --target https://gateway.example/v1 --i-mean-it gateway.example
  waferline load report RUN            judge a run anew, by its folder
  waferline load compare RUN RUN       what got better or worse beyond the noise
  waferline load accuracy              how far the generator's figures are off here
  waferline load run --help            and so on for each; exit codes are their own"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="a command of the load tests and its arguments"
    )


def run(arguments: argparse.Namespace, context: Context) -> NoReturn:
    if not (ROOT / "loadtests").is_dir():
        raise CannotError("load tests are not part of this installation, run them from the repository")
    given = [each for each in arguments.arguments if each != "--"]
    environment = {**context.environment, "PYTHONPATH": str(ROOT)}
    sys.stdout.flush()
    # In our place, so that signals and the exit code are its own.
    os.execve(sys.executable, [sys.executable, "-P", "-m", "loadtests", *given], environment)  # noqa: S606
