"""`waferline doctor`: is this machine fit to serve, are the targets as fast as they should be, is the gateway well?"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from plugins.commands import store, surroundings
from plugins.commands.context import CannotError, Context, Loaded, known_name, load
from plugins.commands.examined import Examined, State
from plugins.commands.options import with_json
from plugins.commands.page import Page, counted
from plugins.policy.targets import Address, Target

if TYPE_CHECKING:
    from plugins.commands.measuring import Samples

HELP = "examine this machine, the targets' speed and a running gateway"
EXAMPLES = """\
  waferline doctor                                  all of it; says first how many tokens it will spend
  waferline doctor --offline                        this machine, policies and variables; calls nobody
  waferline doctor --no-completions                 connections only, spends nothing
  waferline doctor --target cerebras/gpt-oss-120b --samples 5
  waferline doctor --gateway http://10.0.0.7:4000   that gateway, with LITELLM_MASTER_KEY"""

MOST_SAMPLES = 20
_STYLES = {State.OK: "good", State.WARN: "odd", State.BAD: "bad", State.NOTE: "faint"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", metavar="NAME", help="only this deployment of litellm_config.yaml")
    parser.add_argument("--samples", type=_samples, default=3, metavar="N", help="answers per kind of connection (3)")
    parser.add_argument("--no-completions", action="store_true", help="only open and warm connections")
    parser.add_argument("--offline", action="store_true", help="call nobody")
    parser.add_argument("--gateway", metavar="URL", help="a running gateway (http://127.0.0.1:4000, if there is one)")
    with_json(parser)


def _samples(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_SAMPLES:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a number from 1 to {MOST_SAMPLES} (was {text!r})")


def run(arguments: argparse.Namespace, context: Context) -> int:
    loaded = _loaded(arguments, context)
    targets = _targets(arguments, loaded)
    budget = _budget(arguments, targets, loaded)
    report = _Report(context.page, quiet=arguments.json)
    report.take(surroundings.machine(sys.version_info[:2], _version_of, context.environment))
    report.take(store.examined(context.environment, offline=arguments.offline))
    report.take(surroundings.policies(context))
    if loaded is not None:
        report.take([surroundings.master_key(context, loaded)])
        if budget and not arguments.json:
            context.page.line(f"\n{budget}")
        for target in targets:
            report.take(_target(arguments, context, loaded, target))
    report.take(_gateway(arguments, context))
    bad = any(each.state is State.BAD for each in report.lines)
    if arguments.json:
        context.page.json({"ok": not bad, "spends": budget, "examined": [each.as_dict() for each in report.lines]})
    else:
        context.page.line()
        context.page.line(report.summary)
    return 1 if bad else 0


def _loaded(arguments: argparse.Namespace, context: Context) -> Loaded | None:
    """None where the policies cannot be read; the check among the lines says why."""
    try:
        return load(context, real_environment=True)
    except CannotError:
        if arguments.target:
            raise
        return None


def _targets(arguments: argparse.Namespace, loaded: Loaded | None) -> list[Target]:
    if loaded is None:
        return []
    known = loaded.deployed.by_deployment
    if arguments.target is None:
        return list(known.values())
    if arguments.target not in known:
        raise known_name(arguments.target, list(known), "deployment")
    return [known[arguments.target]]


def _budget(arguments: argparse.Namespace, targets: list[Target], loaded: Loaded | None) -> str | None:
    if arguments.offline or arguments.no_completions or loaded is None:
        return None
    from plugins.commands.measuring import TOKENS  # noqa: PLC0415

    called = [target for target in targets if _way(loaded, target)]
    if not called:
        return None
    requests = 2 * arguments.samples * len(called)
    return (
        f"asking {counted(len(called), 'target')} {2 * arguments.samples} times each: "
        f"{counted(requests, 'request')}, at most {requests * TOKENS:,} tokens of answers"
    )


def _way(loaded: Loaded, target: Target) -> Address | None:
    way = loaded.direct.get(target.deployment)
    return way if target.ready and isinstance(way, Address) else None


def _target(arguments: argparse.Namespace, context: Context, loaded: Loaded, target: Target) -> Iterator[Examined]:
    yield surroundings.target(loaded, target, context.environment)
    way = _way(loaded, target)
    if arguments.offline or way is None:
        return
    import asyncio  # noqa: PLC0415  it and what calls providers take longer to load than all else here

    from plugins.commands import measuring  # noqa: PLC0415

    found = asyncio.run(measuring.connection(target, way))
    yield from found
    if arguments.no_completions or any(each.state is State.BAD for each in found):
        return
    taken: Samples = asyncio.run(measuring.samples(loaded, target, way, arguments.samples))
    yield from measuring.told(loaded, target, taken)


def _gateway(arguments: argparse.Namespace, context: Context) -> Iterator[Examined]:
    if arguments.offline and not arguments.gateway:
        return iter(())
    from plugins.commands import serving  # noqa: PLC0415  the same

    base = arguments.gateway or serving.here(context.environment)
    key = context.environment.get("LITELLM_MASTER_KEY")
    return serving.gateway(serving.be_an_address(base), key, wanted=bool(arguments.gateway))


def _version_of(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  the same

    try:
        return version(package)
    except PackageNotFoundError:
        return None


class _Report:
    """Tells each part as soon as it is known: measuring takes a while."""

    def __init__(self, page: Page, *, quiet: bool) -> None:
        self._page = page
        self._quiet = quiet
        self._about = ""
        self.lines: list[Examined] = []

    def take(self, lines: Iterable[Examined]) -> None:
        for each in lines:
            self.lines.append(each)
            if not self._quiet:
                self._tell(each)

    def _tell(self, each: Examined) -> None:
        if each.about != self._about:
            self._page.line(("\n" if self._about else "") + self._page.styled("strong", each.about))
            self._about = each.about
        self._page.line(
            f"  {self._page.styled(_STYLES[each.state], f'{each.state:4}')}  {each.what:11}  {each.sentence}"
        )

    @property
    def summary(self) -> str:
        counts = Counter(each.state for each in self.lines)
        return f"{counts[State.OK]} ok, {counts[State.WARN]} warn, {counts[State.BAD]} bad"
