"""Load tests, which live beside the product and know nothing of it: started as a process, not imported."""

from __future__ import annotations

import argparse
import subprocess
import sys

from plugins.commands.context import CannotError, Context
from plugins.config.files import ROOT

HELP = "load-test a target, compare two runs, or measure the generator itself"
EXAMPLES = """\
  waferline load run smoke                     simulated providers and the gateway, started for it
  waferline load run steady --target https://gateway.example/v1 --i-mean-it gateway.example
  waferline load -- --help                     all it can do; its exit codes are its own"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="see `waferline load -- --help`")


def run(arguments: argparse.Namespace, context: Context) -> int:
    if not (ROOT / "loadtests").is_dir():
        raise CannotError("load tests are not part of this installation, run them from the repository")
    given = [each for each in arguments.arguments if each != "--"]
    environment = {**context.environment, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-P", "-m", "loadtests", *given], env=environment)  # noqa: S603
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # it has heard it too, and is about to write down what there is
            continue
