"""What breaks, when, and for how long. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    CALM = "calm"
    DOWN = "down"
    FULL = "full"
    CUT = "cut"
    SHORT = "short"
    REDIS = "redis"
    KILLED = "killed"
    ROLLING = "rolling"


@dataclass(frozen=True, slots=True)
class Phase:
    kind: Kind
    title: str
    seconds: float  # at least: restarts take what they take
    rest: float = 0.0  # behind it, in which all should be as before


SCHEDULE = (
    Phase(Kind.CALM, "calm", 30),
    Phase(Kind.DOWN, "primary down", 30, 20),
    Phase(Kind.FULL, "primary answers 429", 20, 15),
    Phase(Kind.CUT, "5 % cut in the middle", 25, 5),
    Phase(Kind.SHORT, "5 % end early, as if whole", 25, 5),
    Phase(Kind.REDIS, "Redis killed, then back", 30, 15),
    Phase(Kind.KILLED, "one gateway killed", 25, 10),
    Phase(Kind.ROLLING, "rolling restart", 30, 15),
)
RATE = 36.0  # requests per second
STOCK_RATE = 12.0  # what three of stock LiteLLM carry on two cores with room for a restart
QUICK_SCALE = 0.2


def chosen(kinds: Sequence[str], scale: float) -> tuple[Phase, ...]:
    """Those phases, in the order of the schedule; all of them where none is named."""
    return tuple(
        replace(phase, seconds=phase.seconds * scale, rest=phase.rest * scale)
        for phase in SCHEDULE
        if not kinds or phase.kind in kinds
    )


def seconds(phases: Sequence[Phase]) -> float:
    return sum(phase.seconds + phase.rest for phase in phases)
