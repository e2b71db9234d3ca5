"""A scenario made longer, shorter or bigger for one run, without another file. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from loadtests.plan.scenario import Scenario
from plugins.config.located import dotted


@dataclass(frozen=True, slots=True)
class Overrides:
    seconds: float | None = None  # of the whole run; faults and ramps keep their share of it
    users: int | None = None  # of the largest stage, or requests per second of an open loop
    rate: float | None = None
    models: tuple[str, ...] = ()  # asked for instead, in order of the asks
    max_tokens: int | None = None
    prompts: str | None = None
    processes: int | None = None
    seed: int | None = None


class OverrideError(ValueError):
    """One sentence with the cure."""


def override(scenario: Scenario, by: Overrides) -> Scenario:
    data = scenario.model_dump()
    _scale(data, scenario, "users", by.users)
    _scale(data, scenario, "rate", by.rate)
    if by.seconds is not None:
        _stretch(data, by.seconds / sum(stage["seconds"] for stage in data["stages"]))
    _ask(data, by)
    if by.processes is not None:
        data["generator"]["processes"] = by.processes
    if by.seed is not None:
        data["seed"] = by.seed
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        flaw = error.errors()[0]
        raise OverrideError(f"{dotted(flaw['loc'])} would be {flaw['input']}: {flaw['msg'].lower()}") from error


def _stretch(data: dict, factor: float) -> None:  # type: ignore[type-arg]  # a scenario's own, on the way to its model
    for stage in data["stages"]:
        stage["seconds"] *= factor
        stage["ramp_seconds"] *= factor
    for fault in data["faults"]:
        fault["at"] *= factor
        fault["seconds"] *= factor


def _scale(data: dict, scenario: Scenario, name: str, most: float | None) -> None:  # type: ignore[type-arg]
    if most is None:
        return
    levels = [getattr(stage, name) or 0 for stage in scenario.stages]
    if not any(levels):
        other = "--rate" if name == "users" else "--users"
        raise OverrideError(f"--{name} means nothing with arrival {scenario.arrival!r}: use {other}")
    for stage, level in zip(data["stages"], levels, strict=True):
        scaled = level * most / max(levels)
        stage[name] = max(1, round(scaled)) if name == "users" else scaled
    if scenario.ends_at_knee:  # steps that came to the same number of users are one
        data["stages"] = list({stage[name]: stage for stage in data["stages"]}.values())


def _ask(data: dict, by: Overrides) -> None:  # type: ignore[type-arg]
    if by.models:
        asks = data["asks"] or [{}]
        data["asks"] = [
            {**asks[min(i, len(asks) - 1)], "model": model, "expect": []} for i, model in enumerate(by.models)
        ]
    for ask in data["asks"]:
        if by.max_tokens is not None:
            ask["max_tokens"] = by.max_tokens
        if by.prompts is not None:
            ask["prompts"] = by.prompts
