"""How accurate the generator is on this machine, right now."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict

from loadtests.bench.processes import BenchError
from loadtests.beside.run import TOOL_SECONDS, TOOLS, beside
from loadtests.beside.table import Row, markdown, own
from loadtests.engine.accuracy import knobs, measure
from loadtests.engine.generator import GeneratorError
from loadtests.exits import Exit

HELP = "measure how far the generator's figures are from what a simulated provider knows it has sent"
EXAMPLES = """\
  accuracy                      32 streams of 2,300 tokens/s, one generator process, 10 s
  accuracy --streams 64 --segment event --tokens-per-event 1
  accuracy --beside guidellm=/opt/guidellm/bin/guidellm --beside aiperf=aiperf > table.md"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--streams", type=int, default=32, metavar="N", help="at once (32)")
    parser.add_argument("--seconds", type=float, default=10, metavar="N", help="for which requests begin (10)")
    parser.add_argument("--tokens", type=int, default=1000, metavar="N", help="of an answer (1000)")
    parser.add_argument(
        "--segment", choices=("tick", "event"), default="tick", help="one HTTP chunk per write, or per event (tick)"
    )
    parser.add_argument("--tokens-per-event", type=float, default=2.5, metavar="N", help="on average (2.5)")
    parser.add_argument(
        "--beside",
        type=_beside,
        action="append",
        default=[],
        metavar="TOOL=COMMAND",
        help=f"another tool against the same provider, in one Markdown table ({' or '.join(TOOLS)}; may be repeated)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    before = os.getloadavg()[0]
    try:
        found = measure(
            arguments.streams, arguments.seconds, arguments.tokens, arguments.segment, arguments.tokens_per_event
        )
        rows = [own(found), *_others(arguments)]
    except (BenchError, GeneratorError, ValueError) as error:
        sys.stderr.write(f"load: {error}\n")
        return Exit.SET_UP
    if arguments.json:
        told = {**asdict(found), "failings": found.failings, "beside": [asdict(row) for row in rows[1:]]}
        sys.stdout.write(f"{json.dumps(told, indent=2)}\n")
    else:
        sys.stdout.write("\n".join([str(found), *found.failings]) + "\n")
    if arguments.beside and not arguments.json:
        loads = (before, os.getloadavg()[0])
        sys.stdout.write(f"\n{markdown(rows, arguments.streams, os.cpu_count() or 1, loads)}")
    return Exit.VOID if found.failings else Exit.HELD


def _others(arguments: argparse.Namespace) -> Iterator[Row]:
    answers = knobs(arguments.tokens, arguments.segment, arguments.tokens_per_event)
    for name, path in arguments.beside:
        sys.stderr.write(f"{name}, at most {TOOL_SECONDS:.0f} s ...\n")
        yield beside(name, path, arguments.streams, arguments.tokens, answers)


def _beside(text: str) -> tuple[str, str]:
    name, _, path = text.partition("=")
    if name not in TOOLS or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not TOOL=COMMAND, with {' or '.join(TOOLS)} as the tool")
    return name, shutil.which(path) or path
