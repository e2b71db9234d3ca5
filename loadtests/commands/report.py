"""`report RUN`: judges a run that is there already, and writes its report anew."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from loadtests.conclude import conclude
from loadtests.exits import Exit
from loadtests.record import folder
from loadtests.verdict.levels import LevelsError

HELP = "judge a run that is there already, and write its report anew"
EXAMPLES = """\
  waferline load report results/20261127-180000-steady    judge by policies/slo.yaml; exit codes are those of `run`
  waferline load report RUN --slo mine.yaml               by other service levels"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder, such as results/20261127-180000-steady")
    parser.add_argument("--slo", type=Path, metavar="FILE", help="service levels (policies/slo.yaml)")


def run(arguments: argparse.Namespace) -> int:
    try:
        held = folder.read(arguments.run)
        conclusion = conclude(arguments.run, held, arguments.slo)
    except LevelsError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.SET_UP
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"report: the run cannot be read, {error}; name a folder that `run` has written\n")
        return Exit.SET_UP
    sys.stdout.write(f"{conclusion.text}\n")
    return conclusion.exit_code
