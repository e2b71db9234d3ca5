"""`compare A B`: what got better or worse between two runs, beyond the noise of both."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import orjson

from loadtests.compare.comparison import compare_runs
from loadtests.exits import Exit
from loadtests.record import folder

HELP = "what got better or worse between two runs, beyond the noise"
EXAMPLES = """\
  waferline load compare results/before results/after    exit 0 nothing is worse, 1 something is, 3 they are unlike
  waferline load compare A B --force                     though they were not made alike"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", type=Path, metavar="A", help="a run's folder, such as results/20261127-180000-steady")
    parser.add_argument("after", type=Path, metavar="B", help="the folder of the run to hold against it")
    parser.add_argument("--force", action="store_true", help="compare runs that were not made alike")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """0 nothing is worse, 1 something is, 3 the runs are unlike or cannot be read."""
    try:
        before, after = folder.read(arguments.before), folder.read(arguments.after)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"compare: a run cannot be read, {error}; name two folders that `run` has written\n")
        return Exit.SET_UP
    comparison = compare_runs(before, after, force=arguments.force)
    text = (
        orjson.dumps(comparison.as_dict(), option=orjson.OPT_INDENT_2).decode() if arguments.json else comparison.text
    )
    sys.stdout.write(f"{text}\n")
    return comparison.exit_code
