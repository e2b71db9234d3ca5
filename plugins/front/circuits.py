"""Circuits for operators: what they are doing, and turning one by hand."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from plugins.circuit.facts import State
from plugins.front import guard
from plugins.front.asgi import Receive, Scope
from plugins.front.gateway import Gateway
from plugins.policy.limits import Limits
from plugins.policy.verdict import Refuse
from plugins.policy.verdict import listed as names

_HAND = {"open": State.FORCED_OPEN, "close": State.FORCED_CLOSED, "auto": None}
_SMALL = Limits(body_megabytes=0.01)


def listed(gateway: Gateway) -> dict[str, Any]:
    return {"circuits": gateway.board.snapshot(gateway.clock.monotonic()), "sharing": gateway.sharing.status()}


async def force(gateway: Gateway, scope: Scope, receive: Receive) -> dict[str, Any] | Refuse:
    """{"target": a deployment, "to": open, close or auto}; the answer is the list as it is then."""
    body = await guard.read_json(scope, receive, _SMALL)
    if isinstance(body, Refuse):
        return body
    target, to = body.get("target"), body.get("to")
    if not isinstance(to, str) or to not in _HAND:
        reason = f"a circuit cannot be turned to {str(to)[:40]!r}"
        return Refuse("front.circuits", reason, f"use {names(list(_HAND))}", 400, "invalid_value", param="to")
    if not isinstance(target, str) or not gateway.board.force(target, _HAND[to], gateway.clock.monotonic()):
        known = list(gateway.deployed.by_deployment)
        near = get_close_matches(str(target), known, n=1)
        cure = f"did you mean {near[0]!r}?" if near else f"known: {names(known)}"
        reason = f"{str(target)[:128]!r} is not a deployment of litellm_config.yaml"
        return Refuse("front.circuits", reason, cure, 404, "target_not_found", param="target")
    return listed(gateway)
