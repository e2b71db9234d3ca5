"""Which lane an answer takes, and the body that LiteLLM is given for it. Pure."""

from __future__ import annotations

from typing import Any

from plugins.policy.engine import Decision
from plugins.policy.limits import droppable
from plugins.policy.routing import Lane

_TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")


def choose(decision: Decision) -> tuple[Lane, str]:
    """The lane and why. The express lane, past LiteLLM, will be chosen here too."""
    return decision.route.lane, f"routing.yaml says lane: {decision.route.lane}"


def body_for_litellm(body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    """What policies made of the request: the model that serves, those to fall back to, the workload's defaults."""
    dropped = droppable(body)
    shaped = {key: value for key, value in body.items() if key not in dropped}
    first, *others = decision.models
    shaped["model"] = first
    if others:
        shaped["fallbacks"] = others
    for name, value in decision.route.parameters.items():
        taken = _TOKEN_LIMITS if name in _TOKEN_LIMITS else (name,)
        if not any(shaped.get(each) is not None for each in taken):
            shaped[name] = value
    return shaped
