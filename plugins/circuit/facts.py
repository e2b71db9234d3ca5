"""What circuits are asked, told and answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import NamedTuple


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


class Why(StrEnum):
    """Why a target is not called."""

    OPEN = "open"
    PROBING = "probing"  # another request is trying it right now
    CAPACITY = "capacity"
    MISCONFIGURED = "misconfigured"
    FORCED_OPEN = "forced_open"
    FULL = "full"  # it carries as many of our requests as it may
    ALLOWANCE = "allowance"  # the request may need more than its rate limits leave
    TOO_LARGE = "too_large"  # the request may need more than they ever leave


class Result(Enum):
    SUCCESS = auto()  # it spoke
    SLOW = auto()  # it spoke, late
    FAILURE = auto()
    CAPACITY = auto()  # 429
    MISCONFIGURED = auto()  # our mistake: a key, a path, a model that it does not serve
    NOTHING = auto()  # says nothing about the target: the client left, or made a mistake


class Origin(Enum):
    """Where the reason for a failure lies, and so how far it is to be believed elsewhere."""

    PROVIDER = auto()
    PATH = auto()  # the way there: that of others may be well
    LATE = auto()  # measured while our own process was late


class Finding(NamedTuple):
    """What an attempt says about its target."""

    result: Result
    detail: str = ""
    seconds: float | None = None  # until there is capacity again, if the provider says so
    by_day: bool = False  # what is used up counts by the hour or the day
    origin: Origin = Origin.PROVIDER


class Permit(NamedTuple):
    generation: int
    probe: int = 0  # the number of the lease, for a probe


@dataclass(frozen=True, slots=True)
class Rejected:
    seconds: float | None  # until it is worth asking again; None when nobody knows
    why: Why
