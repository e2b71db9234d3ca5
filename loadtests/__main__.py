"""`python -m loadtests COMMAND`, which `waferline load` and `make load` start.

Exit codes: 0 promises held; 1 one was missed; 2 void: the generator was the bottleneck, or there are too few samples;
3 the set-up is wrong; 130 interrupted, results so far are kept.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn, Protocol

from loadtests.commands import accuracy, compare, report, run, schema
from loadtests.exits import Exit


class Command(Protocol):
    HELP: str
    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


COMMANDS: Mapping[str, Command] = {
    "run": run,
    "report": report,
    "compare": compare,
    "accuracy": accuracy,
    "schema": schema,
}


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(Exit.SET_UP, f"load: {message}; see --help\n")


def main(arguments: Sequence[str]) -> int:
    parser = Parser(prog="waferline load", description=(__doc__ or "").partition("\n\n")[2], allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, module in COMMANDS.items():
        told = argparse.RawDescriptionHelpFormatter
        epilog = f"examples:\n{module.EXAMPLES}"
        module.add_arguments(
            commands.add_parser(name, help=module.HELP, description=module.HELP, epilog=epilog, formatter_class=told)
        )
    try:
        found = parser.parse_args(arguments)
    except SystemExit as end:  # argparse has said why
        return end.code if isinstance(end.code, int) else Exit.SET_UP
    with _interruptible():
        try:
            return int(COMMANDS[found.command].run(found))
        except KeyboardInterrupt:
            sys.stderr.write("load: interrupted, everything that was started has ended\n")
            return Exit.INTERRUPTED


@contextmanager
def _interruptible() -> Iterator[None]:
    """A pipeline's SIGTERM and a closed terminal mean what Ctrl-C means: end what was started, keep what there is."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
