"""What a route's settings mean for a request, in words."""

from __future__ import annotations

from collections.abc import Sequence

from plugins.policy.commit import Atomic, Commit
from plugins.policy.deadlines import Deadlines
from plugins.policy.routing import Route
from plugins.policy.targets import Target

_WAITS = ("connect", "first_token", "stall", "total", "request")


def committed(commit: Commit, *, stream: bool) -> str:
    """When an answer begins to leave."""
    if not stream:
        return "when the answer is whole, as the client does not stream"
    held = f"{commit.hold_ms:g} ms after the first token" if commit.hold_ms else "at the first token"
    whole = f"when the answer is whole, or after {commit.atomic_most_seconds:g} s"
    if commit.atomic is Atomic.ALWAYS:
        return whole
    if commit.atomic is Atomic.SHORT:
        return f"{whole}, where max_completion_tokens is {commit.atomic_most_tokens} or less; otherwise {held}"
    return held


def waited(deadlines: Deadlines) -> str:
    found = deadlines.model_dump()
    return ", ".join(f"{name.replace('_', ' ')} {found[f'{name}_seconds']:g} s" for name in _WAITS)


def paced(deadlines: Deadlines) -> str:
    if not deadlines.minimum_tokens_per_s:
        return "any"
    return f"{deadlines.minimum_tokens_per_s:g} tokens/s at least, over the first {deadlines.pace_seconds:g} s"


def hedged(route: Route, targets: Sequence[Target]) -> str:
    """Whether a second target is started beside one that is late."""
    if route.hedge_after is None or len(targets) < 2:
        return "off"
    return f"the next target starts as well when the first token is later than {route.hedge_after:g} s"
