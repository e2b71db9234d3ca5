"""How accurate the generator is on this machine, right now."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from loadtests.bench.processes import BenchError
from loadtests.engine.accuracy import measure
from loadtests.engine.generator import GeneratorError
from loadtests.exits import Exit

HELP = "measure how far the generator's figures are from what a simulated provider knows it has sent"
EXAMPLES = """\
  accuracy                      32 streams of 2,300 tokens/s, one generator process, 10 s
  accuracy --streams 64 --segment event --tokens-per-event 1"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--streams", type=int, default=32, metavar="N", help="at once (32)")
    parser.add_argument("--seconds", type=float, default=10, metavar="N", help="for which requests begin (10)")
    parser.add_argument("--tokens", type=int, default=1000, metavar="N", help="of an answer (1000)")
    parser.add_argument(
        "--segment", choices=("tick", "event"), default="tick", help="one HTTP chunk per write, or per event (tick)"
    )
    parser.add_argument("--tokens-per-event", type=float, default=2.5, metavar="N", help="on average (2.5)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    try:
        found = measure(
            arguments.streams, arguments.seconds, arguments.tokens, arguments.segment, arguments.tokens_per_event
        )
    except (BenchError, GeneratorError, ValueError) as error:
        sys.stderr.write(f"load: {error}\n")
        return Exit.SET_UP
    if arguments.json:
        sys.stdout.write(f"{json.dumps({**asdict(found), 'failings': found.failings}, indent=2)}\n")
    else:
        sys.stdout.write("\n".join([str(found), *found.failings]) + "\n")
    return Exit.VOID if found.failings else Exit.HELD
