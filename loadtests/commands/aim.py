"""Who is loaded, and with whose key: options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from loadtests.engine.run import Aim
from loadtests.measure.request import address_of
from loadtests.plan.job import Place

TARGET_KEYS = ("LITELLM_MASTER_KEY", "OPENAI_API_KEY")
LANES = ("express", "litellm")
DIRECT_KEYS = ("CEREBRAS_API_KEY",)


def add_aim(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--target", metavar="URL", help="an OpenAI-compatible service; without one, a gateway is started"
    )
    parser.add_argument("--direct", metavar="URL", help="the provider behind it, to compare with in the same run")
    parser.add_argument("--lane", choices=LANES, help="of the gateway that is started (as policies/routing.yaml says)")
    parser.add_argument(
        "--key-variable", metavar="NAME", help=f"variable with the target's key ({' or '.join(TARGET_KEYS)})"
    )
    parser.add_argument(
        "--direct-key-variable", metavar="NAME", help=f"variable with the provider's key ({DIRECT_KEYS[0]})"
    )
    parser.add_argument(
        "--i-mean-it",
        action="append",
        default=[],
        metavar="HOST",
        help="a host that is not this machine and may be loaded",
    )


def aim_of(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Aim:
    """Raises ValueError with a sentence."""
    target = _place(arguments.target, arguments.key_variable, TARGET_KEYS, environment)
    direct = _place(arguments.direct, arguments.direct_key_variable, DIRECT_KEYS, environment)
    if direct is not None and target is None:
        raise ValueError("--direct is compared with --target: give both, or neither")
    if arguments.lane is not None and target is not None:
        raise ValueError("--lane is of the gateway that is started where there is no --target: leave one of them out")
    return Aim(target, direct, arguments.lane)


def _place(
    url: str | None, variable: str | None, usual: tuple[str, ...], environment: Mapping[str, str]
) -> Place | None:
    if url is None:
        return None
    if variable is not None and not environment.get(variable):
        raise ValueError(f"{variable} is not set: export it, or name another variable")
    name = variable or next((each for each in usual if environment.get(each)), None)
    return Place(url=address_of(url).url, key_variable=name)
