"""What must be equal before two runs may be compared, and what is not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadtests.figures.facts import Facts
from loadtests.plan.scenario import UNIMPORTANT

UNSAID = UNIMPORTANT | {"hash", "kind"}  # the last two say what the others come to


def setting(facts: Facts) -> dict[str, Any]:
    """Whatever shapes the figures without being the target's doing."""
    load = [(stage.name, stage.load_text, round(stage.end - stage.begin, 1)) for stage in facts.stages]
    return {
        "scenario": facts.text("scenario", "hash") or facts.scenario,
        "prompts": facts.text("prompts", "hash"),
        "max_tokens": facts.text("max_tokens"),
        # One sweep may have gone further than the other; what it would have done is part of its scenario.
        "load": ""
        if facts.at("scenario", "ends_at_knee")
        else "; ".join(f"{name}: {load} for {seconds:g} s" for name, load, seconds in load),
        "models": ", ".join(map(str, facts.at("target", "models") or ())),
        "simulated": facts.text("target", "is_simulated"),
        "processes": facts.text("generator", "processes"),
        "locust": facts.text("versions", "locust"),
    }


def differences(one: Facts, other: Facts) -> list[str]:
    before, after = setting(one), setting(other)
    found = [name for name in before if before[name] != after[name]]
    settings = _settings(one, other) if "scenario" in found else []
    return [
        f"the scenario is another, in {', '.join(settings)}"
        if name == "scenario" and settings
        else f"{name} was {_said(before, name)} and is {_said(after, name)}"
        for name in found
    ]


def _settings(one: Facts, other: Facts) -> list[str]:
    """Of the two scenarios, as far as both runs tell them."""
    before, after = (dict(facts.at("scenario") or {}) for facts in (one, other))
    return sorted(name for name in before.keys() & after.keys() - UNSAID if before[name] != after[name])


def _said(held: Mapping[str, Any], name: str) -> str:
    return repr(held[name]) if held[name] else "unknown"
