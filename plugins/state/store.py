"""What a replica tells of a target, what the store answers, and the one thing that a store does. Facts only.

Times that are left cross, and never those of a clock: a replica's is monotonic and its own, the store's is the store's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple, Protocol

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
PROBED = frozenset({OPEN, HALF_OPEN})  # the states in which somebody is to try whether it is back


class Change(IntEnum):
    """How what is told came about."""

    NONE = 0
    SUSPECTED = 1  # the way to the provider may be at fault, which may be ours alone: two have to say so
    MADE = 2
    BY_HAND = 3


class Told(NamedTuple):
    """By one replica, of one target."""

    epoch: int = 0  # the agreement it started from
    change: int = Change.NONE
    state: str = CLOSED
    open_ms: int = 0
    ejections: int = 0
    successes: int = 0
    hand_ms: int = -1  # how long ago somebody turned it by hand; -1 for never
    full_ms: int = 0  # until there is capacity again; 0 for nothing new
    misconfigured_ms: int = 0
    asks: int = 0  # for the lease, or to keep it
    gives: int = 0  # the lease back, unused
    missed: int = 0  # a request was turned away for want of it


class Known(NamedTuple):
    """Of one target, to one replica. Each epoch is one agreement, and a later one is greater."""

    epoch: int
    state: str
    open_ms: int
    ejections: int
    successes: int
    hand_ms: int
    full_ms: int
    misconfigured_ms: int
    by: str  # the replica that made this agreement
    holder: str  # of the lease, the leave to probe; "" for nobody
    lease_ms: int
    wanted: int  # the lease, by somebody whose requests are turned away
    unused: int  # how often in a row it was given back unused


class Terms(NamedTuple):
    """What the operator set."""

    namespace: str = "waferline"
    lease_ms: int = 10_000
    kept_ms: int = 86_400_000  # what nobody refreshes is forgotten
    seen_ms: int = 5_000  # a replica that was silent for longer is gone
    wanted_ms: int = 1_000


class Answer(NamedTuple):
    replicas: int
    known: Mapping[str, Known]


class StoreError(Exception):
    """The store was not reached, or would not: one sentence, without its password."""


class Store(Protocol):
    async def exchange(self, replica: str, told: Mapping[str, Told], terms: Terms) -> Answer:
        """All targets at once, and all of it or nothing."""

    async def close(self) -> None: ...
