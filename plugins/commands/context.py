"""Where a command looks, what day it is there, and the one error it may give up with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from plugins.commands.page import Page, counted
from plugins.config import deployments, files
from plugins.config.deployments import REFERENCE
from plugins.config.direct import direct_targets, what_only_litellm_does
from plugins.config.located import Located
from plugins.config.loggers import callbacks
from plugins.config.problem import in_order
from plugins.policy.engine import Policies
from plugins.policy.targets import Address, Deployed


class CannotError(Exception):
    """The question cannot be answered: one sentence with its cure, exit code 2."""


@dataclass(frozen=True, slots=True)
class Context:
    policies: Path
    config: Path
    environment: Mapping[str, str]
    today: date
    page: Page

    def on(self, day: date | None) -> Context:
        return replace(self, today=day) if day else self


@dataclass(frozen=True, slots=True)
class Loaded:
    policies: Policies
    deployed: Deployed
    direct: Mapping[str, Address | str]
    only_litellm: tuple[str, ...]
    loggers: tuple[str, ...]
    taken_as_set: tuple[str, ...] = ()

    @classmethod
    def of(cls, policies: Policies, document: Located, environment: Mapping[str, str], config: Path) -> Loaded:
        called = callbacks(document, files.beside(config))
        return cls(
            policies,
            deployments.deployed(document, environment),
            direct_targets(document, environment),
            what_only_litellm_does(document, called),
            called.loggers,
        )


def load(context: Context, *, real_environment: bool = False) -> Loaded:
    """Policies and targets. A checkout without variables answers like a configured gateway, unless that is asked."""
    loaded = files.load(context.policies)
    document, problems = deployments.load(context.config)
    problems = in_order([*loaded.problems, *problems])
    if loaded.policies is None or problems:
        what = f"{counted(len(problems), 'problem')} to mend first, see `waferline check`"
        raise CannotError("\n".join([what, *(f"  {problem}" for problem in problems)]))
    if real_environment:
        return Loaded.of(loaded.policies, document, context.environment, context.config)
    environment = as_if_set(document.data, context.environment)
    taken = sorted(set(environment) - {name for name, value in context.environment.items() if value})
    found = Loaded.of(loaded.policies, document, environment, context.config)
    return replace(found, taken_as_set=tuple(taken))


def as_if_set(data: object, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with a value for every variable that litellm_config.yaml refers to and nobody has set."""
    wanted = {text.removeprefix(REFERENCE): "set" for text in _texts(data) if text.startswith(REFERENCE)}
    return wanted | {name: value for name, value in environment.items() if value}


def _texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, (dict, list)):
        for inner in data.values() if isinstance(data, dict) else data:
            yield from _texts(inner)


def known_name(name: str, known: list[str], kind: str) -> CannotError:
    """For a name that does not exist: the nearest one, or all of them."""
    near = get_close_matches(name, known, n=1)
    cure = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
    return CannotError(f"{name!r} is not a {kind}; {cure}")
