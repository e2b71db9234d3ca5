"""The parser, and the options that several commands share."""

from __future__ import annotations

import argparse
import re
from datetime import date
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """One sentence; the usage would bury it."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def command(commands: Any, name: str, text: str, examples: str) -> Parser:
    """A parser for one command, which takes the global options too: nobody remembers which side they go on."""
    parser: Parser = commands.add_parser(name, help=text, description=text, epilog=f"examples:\n{examples}")
    return with_global_options(parser)


def with_global_options(parser: Parser) -> Parser:
    parser.add_argument(
        "--policies", metavar="DIR", default=argparse.SUPPRESS, help="policy files ($WAFERLINE_POLICIES, or policies/)"
    )
    parser.add_argument(
        "--config", metavar="FILE", default=argparse.SUPPRESS, help="LiteLLM's configuration (litellm_config.yaml)"
    )
    return parser


def with_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def with_day(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at", type=day, metavar="DATE", help="as if it were that day, such as 2026-11-20 (today, UTC)"
    )


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a date like 2026-11-20 (was {text!r})") from None


def number_of_days(text: str) -> int:
    found = re.fullmatch(r"(\d{1,5})d?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"must be a number of days like 30d (was {text!r})")
    return int(found[1])
