"""The JSON Schema of scenarios, which editors read, kept equal to the model that checks them."""

from __future__ import annotations

import argparse
import sys

from loadtests.exits import Exit
from loadtests.plan.reading import SCENARIOS, shown
from loadtests.plan.scenario import Scenario
from plugins.config.schema import written

HELP = "check that the schema of scenarios is up to date, or write it"
EXAMPLES = "  schema --write"
PATH = SCENARIOS / "scenario.schema.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--write", action="store_true", help="write it")


def text() -> str:
    return written("loadtests/scenarios/*.yaml", Scenario)


def run(arguments: argparse.Namespace) -> int:
    if arguments.write:
        PATH.write_text(text(), encoding="utf-8")
    current = PATH.is_file() and PATH.read_text(encoding="utf-8") == text()
    sys.stdout.write(f"{shown(PATH)} is {'up to date' if current else 'out of date: add --write'}\n")
    return Exit.HELD if current else Exit.MISSED
