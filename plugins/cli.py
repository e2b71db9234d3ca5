"""The `waferline` command: what is asked, the world it is asked about, and what its end means to a shell.

Exit codes: 0 yes; 1 no, or something was found; 2 the question makes no sense or cannot be answered; 3 a bug of ours;
130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO

from plugins.commands import catalog, check, circuit, doctor, explain, key, load, schema, test
from plugins.commands.context import CannotError, Context
from plugins.commands.options import Parser, command, with_global_options
from plugins.commands.page import Page
from plugins.config.files import ROOT, policies_directory


class Command(Protocol):
    HELP: str
    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace, context: Context) -> int: ...


COMMANDS: Mapping[str, Command] = {
    "check": check,
    "explain": explain,
    "test": test,
    "catalog": catalog,
    "doctor": doctor,
    "circuit": circuit,
    "key": key,
    "load": load,
    "schema": schema,
}


def main(arguments: Sequence[str], environment: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """The one place that turns what went wrong into an exit code."""
    try:
        return _run(_parser().parse_args(arguments), environment, out)
    except SystemExit as end:  # argparse has said why
        return end.code if isinstance(end.code, int) else 2
    except CannotError as error:
        err.write(f"waferline: {error}\n")
        return 2
    except BrokenPipeError:  # whoever reads us, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001  whatever is left is a bug of ours, and says so
        traceback.print_exc(file=err)
        err.write("waferline: this is a bug; please report it with the lines above\n")
        return 3


def _run(arguments: argparse.Namespace, environment: Mapping[str, str], out: TextIO) -> int:
    given = vars(arguments)
    context = Context(
        policies=Path(given["policies"]).resolve() if "policies" in given else policies_directory(environment),
        config=Path(given["config"]).resolve() if "config" in given else ROOT / "litellm_config.yaml",
        environment=environment,
        today=datetime.now(UTC).date(),
        page=Page(out, colour=_wants_colour(environment, out)),
    )
    status = COMMANDS[arguments.command].run(arguments, context.on(given.get("at")))
    out.flush()
    return status


def _wants_colour(environment: Mapping[str, str], out: TextIO) -> bool:
    return out.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def _parser() -> Parser:
    parser = with_global_options(
        Parser(prog="waferline", description="Ask and check the policies, offline; examine what serves.")
    )
    parser.epilog = (
        "Exit codes: 0 yes, 1 no or something found, 2 cannot be answered, 3 a bug. Each COMMAND has --help."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, module in COMMANDS.items():
        module.add_arguments(command(commands, name, module.HELP, module.EXAMPLES))
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, sys.stdout, sys.stderr))
