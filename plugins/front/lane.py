"""Which lane an answer takes, and the body its providers are asked with. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from plugins.policy.engine import Decision
from plugins.policy.routing import Lane
from plugins.policy.size import TOKEN_LIMITS
from plugins.policy.targets import Address

Body = dict[str, Any]


def choose(decision: Decision, direct: Mapping[str, Address | str], only_litellm: tuple[str, ...]) -> tuple[Lane, str]:
    """The lane and why. The express lane is taken only where nothing is lost by it."""
    if decision.route.lane is Lane.LITELLM:
        return Lane.LITELLM, "routing.yaml says so"
    if only_litellm:
        return Lane.LITELLM, f"LiteLLM has more to do here ({only_litellm[0]})"
    if len({(target.model, target.order) for target in decision.targets}) < len(decision.targets):
        return Lane.LITELLM, "targets share an order, and LiteLLM shares out the load among them"
    for target in decision.targets:
        way = direct.get(target.deployment, "it has no row of its own")
        if not isinstance(way, Address):
            return Lane.LITELLM, f"{target.deployment} needs LiteLLM: {way}"
    return Lane.EXPRESS, "every target can be called directly"


def shaped(body: Body, decision: Decision, dropped: Collection[str]) -> Body:
    """The client's body without what Cerebras refuses in vain, and with the workload's defaults."""
    found = {key: value for key, value in body.items() if key not in dropped} if dropped else dict(body)
    for name, value in decision.route.parameters.items():
        taken = TOKEN_LIMITS if name in TOKEN_LIMITS else (name,)
        if not any(found.get(each) is not None for each in taken):
            found[name] = value
    return found


def for_litellm(body: Body, decision: Decision) -> Body:
    """LiteLLM chooses among targets itself: it is given the model that serves and those to fall back to."""
    first, *others = decision.models
    return {**body, "model": first, **({"fallbacks": others} if others else {})}
