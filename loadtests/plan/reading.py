"""The files of a run: its scenario, prompts and log, with every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from loadtests.plan import prompts, recorded
from loadtests.plan.cost import Price
from loadtests.plan.misfits import misfits
from loadtests.plan.overrides import Overrides, override
from loadtests.plan.prompts import Prompt
from loadtests.plan.recorded import Request
from loadtests.plan.scenario import UNIMPORTANT, Scenario
from plugins.config import located
from plugins.config.located import Located
from plugins.config.problem import Problem
from plugins.config.validate import validate
from plugins.policy.catalog import Catalog

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "loadtests" / "scenarios"


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario with all it needs."""

    name: str
    scenario: Scenario
    own_prompts: Mapping[str, list[Prompt]]  # by file
    replayed: list[Request]

    def prompt_tokens(self) -> list[float]:
        """Of each ask, on average."""
        return [
            self._mean(self.own_prompts[ask.prompts]) if ask.prompts else ask.prompt_tokens
            for ask in self.scenario.asks
        ]

    def prompts_hash(self) -> str:
        texts = {name: [[each.messages, each.more] for each in found] for name, found in self.own_prompts.items()}
        replayed = [[each.at, each.model, each.prompt_tokens, each.completion_tokens] for each in self.replayed]
        return sha256(orjson.dumps([texts, replayed, self.prompt_tokens()])).hexdigest()[:12]

    def hash(self) -> str:
        """What must be alike for two runs to be compared."""
        data = self.scenario.model_dump(mode="json", exclude=set(UNIMPORTANT), exclude_defaults=True)
        return sha256(orjson.dumps([data, self.prompts_hash()], option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]

    @staticmethod
    def _mean(found: list[Prompt]) -> float:
        return sum(each.tokens for each in found) / len(found)


def names() -> list[str]:
    return sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def read(name: str, by: Overrides) -> tuple[Plan | None, list[Problem]]:
    """`name` is a shipped scenario or a file."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else SCENARIOS / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, [_unreadable(path, name, error)]
    document, problems = located.read(shown(path), text)
    scenario, found = validate(document, Scenario)
    problems += found
    if scenario is not None:
        problems += misfits(document, scenario)
    own, flaws = _own_prompts(document, by.prompts)
    replayed, more = _replayed(document)
    problems += [*flaws, *more]
    if scenario is None or problems:
        return None, problems
    return Plan(path.stem, override(scenario, by), own, replayed), problems


def prices() -> dict[str, Price]:
    """What the catalog knows; a broken catalog is for `waferline check` to tell."""
    path = ROOT / "policies" / "models.yaml"
    document, _ = located.read(shown(path), path.read_text(encoding="utf-8"))
    catalog, _ = validate(document, Catalog)
    return {
        name: Price(model.price.input, model.price.output)
        for name, model in (catalog.models if catalog else {}).items()
        if model.retires is None and model.price and model.price.input is not None and model.price.output is not None
    }


def shown(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _own_prompts(document: Located, instead: str | None) -> tuple[dict[str, list[Prompt]], list[Problem]]:
    """By the file's own words, so that what is wrong with them is said together with what is wrong with it."""
    own: dict[str, list[Prompt]] = {}
    problems: list[Problem] = []
    for index, ask in enumerate(_entries(document.data, "asks")):
        file = instead or ask.get("prompts")
        if not isinstance(file, str) or file in own:
            continue
        path = ROOT / file
        own[file] = []
        try:
            own[file], flaws = prompts.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            what = f"cannot be read, {_why(error)}"
            at = document.problem(("asks", index, "prompts"), what, was=repr(file))
            problems.append(Problem(shown(path), 1, "", what, cure="name another file by --prompts") if instead else at)
            continue
        problems += [Problem(shown(path), flaw.line, "", flaw.what, cure=flaw.cure) for flaw in flaws]
    return own, problems


def _replayed(document: Located) -> tuple[list[Request], list[Problem]]:
    data = document.data if isinstance(document.data, dict) else {}
    told = data.get("recorded")
    log = told.get("log") if isinstance(told, dict) and data.get("arrival") == "recorded" else None
    if not isinstance(log, str):
        return [], []
    place = ("recorded", "log")
    try:
        with (ROOT / log).open("rb") as lines:
            found = recorded.read(lines)
    except OSError as error:
        return [], [document.problem(place, f"cannot be read, {_why(error)}", was=repr(log))]
    if not found:
        cure = "give the standard output of a gateway that has served"
        return [], [document.problem(place, "holds no request.finished line of an answer", cure=cure)]
    return found, []


def _entries(data: object, name: str) -> list[dict[str, Any]]:
    held = data.get(name) if isinstance(data, dict) else None
    return [each for each in held if isinstance(each, dict)] if isinstance(held, list) else []


def _unreadable(path: Path, name: str, error: Exception) -> Problem:
    near = get_close_matches(name, names(), n=1)
    cure = (
        f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names())}, or give a file that ends in .yaml"
    )
    return Problem(shown(path), 1, "", f"cannot be read, {_why(error)}", cure=cure)


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
